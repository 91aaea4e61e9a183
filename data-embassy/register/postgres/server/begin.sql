-- The last step: from here on every change is told.
DO $begin$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_publication WHERE pubname = 'saadik') THEN
    CREATE PUBLICATION saadik FOR ALL TABLES;
  END IF;
  PERFORM saadik.follow(first => NOT EXISTS (SELECT FROM saadik.object));
  CREATE EVENT TRIGGER saadik_after_statement ON ddl_command_end EXECUTE FUNCTION saadik.after_statement();
  CREATE EVENT TRIGGER saadik_after_drop ON sql_drop EXECUTE FUNCTION saadik.after_drop();
  CREATE EVENT TRIGGER saadik_before_rewrite ON table_rewrite EXECUTE FUNCTION saadik.before_rewrite();
  -- Whoever sets session_replication_role is not unseen.
  ALTER EVENT TRIGGER saadik_after_statement ENABLE ALWAYS;
  ALTER EVENT TRIGGER saadik_after_drop ENABLE ALWAYS;
  ALTER EVENT TRIGGER saadik_before_rewrite ENABLE ALWAYS;
END
$begin$;
