-- What the register's own database remembers for its agent. Written by the functions here, which run as who prepared the database; the agent reads.
DO $owner$
BEGIN
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    RAISE EXCEPTION 'only a superuser can prepare a database' USING ERRCODE = 'insufficient_privilege';
  END IF;
  -- Whoever owns the schema could put something of their own in place of what runs here with all rights.
  IF EXISTS (SELECT FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = 'saadik' AND NOT r.rolsuper) THEN
    RAISE EXCEPTION 'the schema saadik belongs to somebody who is no superuser' USING ERRCODE = 'insufficient_privilege';
  END IF;
END
$owner$;
CREATE SCHEMA IF NOT EXISTS saadik;

-- Not while what they call is replaced; begin.sql makes them again.
DROP EVENT TRIGGER IF EXISTS saadik_after_statement;
DROP EVENT TRIGGER IF EXISTS saadik_after_drop;
DROP EVENT TRIGGER IF EXISTS saadik_before_rewrite;

-- Every object of the register as it was last told: what it is compared with when a statement has changed the schema. Of the same transaction as the change.
CREATE TABLE IF NOT EXISTS saadik.object (
  kind text NOT NULL,
  oid oid NOT NULL,
  description jsonb NOT NULL,
  PRIMARY KEY (kind, oid)
);

-- By which columns a row is found, and from which place in the write-ahead log on. Kept for ever: whoever reads old changes needs the keys of then.
CREATE TABLE IF NOT EXISTS saadik.key (
  relation oid NOT NULL,
  since pg_lsn NOT NULL,
  columns jsonb,
  PRIMARY KEY (relation, since)
);

-- What a statement changed: inserted for the agent to see it in the stream, and deleted at once. A table and no logical message, because every user of the
-- database may write logical messages.
CREATE TABLE IF NOT EXISTS saadik.told (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  changes jsonb NOT NULL
);

-- Tables that the running statement writes anew.
CREATE TABLE IF NOT EXISTS saadik.rewritten (relation oid PRIMARY KEY);
