// Settings under which a value has the same text at home and abroad, whatever the database, the role or the environment say.
export const VALUE_SESSION = {
  client_encoding: 'UTF8',
  search_path: 'pg_catalog',
  datestyle: 'ISO',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  extra_float_digits: '3',
  bytea_output: 'hex',
  lc_monetary: 'C',
  xmloption: 'content',
  row_security: 'off',
  // A picture takes as long as it takes.
  statement_timeout: '0',
  idle_in_transaction_session_timeout: '0',
} as const
