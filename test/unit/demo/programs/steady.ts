// Says that it is ready, then waits for its standard input to end, as every process of the house does under the demo.
process.stdout.write('{"ready":"steady"}\n')
process.stdin.on('end', () => process.exit(0)).resume()
