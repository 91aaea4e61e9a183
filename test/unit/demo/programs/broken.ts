// Ends before it is ready, with a reason in its log.
process.stderr.write('the port is taken by somebody\n')
process.exit(3)
