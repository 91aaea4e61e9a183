-- After every statement that changes the schema, in its transaction: what became of which object is told, and new tables get the replica identity that makes
-- their changes exact. A statement that makes what cannot be told is refused: it would be lost abroad without a word.

CREATE OR REPLACE FUNCTION saadik.follow(first boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $follow$
DECLARE
  refused text;
  changes jsonb;
  moved jsonb := '[]';
  anew jsonb;
  written oid[];
  name text;
  list text;
  found boolean;
  value bigint;
  called boolean;
  each record;
BEGIN
  -- One transaction after another: what another one changes now would else be seen half, by its rows as they were and its definitions as they are.
  PERFORM pg_advisory_xact_lock(hashtext('saadik'), hashtext('schema'));

  SELECT string_agg(u.what, ', ') INTO refused FROM saadik.unsupported() u (what);
  IF refused IS NOT NULL THEN
    RAISE EXCEPTION 'saadik cannot carry abroad: %', refused USING ERRCODE = 'feature_not_supported';
  END IF;

  SELECT array_agg(r.relation) INTO written FROM saadik.rewritten r JOIN saadik.object o ON o.kind = 'table' AND o.oid = r.relation;
  DELETE FROM saadik.rewritten;

  SELECT jsonb_agg(jsonb_build_object('kind', kind, 'oid', oid::bigint, 'before', o.description, 'after', n.description) ORDER BY oid) INTO changes
  FROM saadik.described() n FULL JOIN saadik.object o USING (kind, oid)
  WHERE n.description IS DISTINCT FROM o.description;

  IF changes IS NOT NULL THEN
    DELETE FROM saadik.object o USING jsonb_to_recordset(changes) c (kind text, oid oid, after jsonb)
    WHERE o.kind = c.kind AND o.oid = c.oid AND c.after IS NULL;
    INSERT INTO saadik.object AS o SELECT c.kind, c.oid, c.after FROM jsonb_to_recordset(changes) c (kind text, oid oid, after jsonb) WHERE c.after IS NOT NULL
    ON CONFLICT (kind, oid) DO UPDATE SET description = excluded.description;

    FOR each IN SELECT * FROM jsonb_to_recordset(changes) c (kind text, oid oid, before jsonb, after jsonb) WHERE c.after IS NOT NULL LOOP
      IF each.kind = 'sequence' THEN
        name := format('%I.%I', each.after->>'schema', each.after->>'name');
        EXECUTE format('SELECT last_value, is_called FROM %s', name) INTO value, called;
        moved := moved || jsonb_build_object('oid', each.oid::bigint, 'schema', each.after->>'schema', 'name', each.after->>'name', 'last', value::text, 'called', called);
      ELSIF each.kind = 'table' AND jsonb_typeof(each.after->'partitioned') = 'null' THEN
        -- A table that has rows when it is first told was made with them (CREATE TABLE AS): they stand in the log before anybody can know whose they are.
        IF each.before IS NULL AND NOT first THEN
          EXECUTE format('SELECT EXISTS (SELECT FROM ONLY %I.%I)', each.after->>'schema', each.after->>'name') INTO found;
          IF found THEN written := written || each.oid; END IF;
        END IF;
        IF each.before IS NULL OR each.before->'key' IS DISTINCT FROM each.after->'key' THEN
          INSERT INTO saadik.key VALUES (each.oid, pg_current_wal_insert_lsn(), nullif(each.after->'key', 'null'))
          ON CONFLICT (relation, since) DO UPDATE SET columns = excluded.columns;
        END IF;
      END IF;
    END LOOP;
  END IF;

  IF changes IS NOT NULL OR written IS NOT NULL THEN
    SELECT coalesce(jsonb_agg(jsonb_build_object('oid', o.oid::bigint, 'schema', o.description->>'schema', 'name', o.description->>'name')), '[]') INTO anew
    FROM saadik.object o WHERE o.kind = 'table' AND o.oid = ANY (written);
    INSERT INTO saadik.told (changes) VALUES (jsonb_build_object('objects', coalesce(changes, '[]'), 'sequences', moved, 'rewritten', anew));
    DELETE FROM saadik.told;
  END IF;

  IF NOT first THEN
    PERFORM saadik.identify(o.oid) FROM saadik.object o WHERE o.kind = 'table';
  END IF;

  -- What a table holds after it was written anew is in no log of changes: its rows go through one that stands for it.
  FOR each IN SELECT o.oid, o.description->>'schema' AS schema, o.description->>'name' AS name, o.description->'columns' AS columns
    FROM saadik.object o WHERE o.kind = 'table' AND o.oid = ANY (written) LOOP
    SELECT string_agg(quote_ident(c->>'name'), ', ' ORDER BY (c->>'number')::int) INTO list
    FROM jsonb_array_elements(each.columns) c WHERE jsonb_typeof(c->'generated') = 'null';
    name := format('saadik.retold_%s', each.oid);
    EXECUTE format('CREATE TABLE %s AS SELECT %s FROM ONLY %I.%I', name, list, each.schema, each.name);
    EXECUTE format('DROP TABLE %s', name);
  END LOOP;
END
$follow$;

-- An update does not tell a value that lies outside its row and stays (TOAST), unless the whole old row is told; a row without a key is found by all of it.
CREATE OR REPLACE FUNCTION saadik.identity_of(relation oid) RETURNS "char"
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $identity$
  SELECT CASE WHEN c.reltoastrelid <> 0 OR saadik.key_of(c.oid) IS NULL THEN 'f' ELSE 'd' END::"char" FROM pg_class c WHERE c.oid = relation
$identity$;

CREATE OR REPLACE FUNCTION saadik.identify(relation oid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $identify$
BEGIN
  IF EXISTS (SELECT FROM pg_class c WHERE c.oid = relation AND c.relkind = 'r' AND c.relreplident <> saadik.identity_of(c.oid)) THEN
    EXECUTE format('ALTER TABLE %s REPLICA IDENTITY %s', relation::regclass, CASE saadik.identity_of(relation) WHEN 'f' THEN 'FULL' ELSE 'DEFAULT' END);
  END IF;
END
$identify$;

-- Temporary objects are of nobody's concern, and are made in the midst of everything.
CREATE OR REPLACE FUNCTION saadik.after_statement() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $after$
BEGIN
  IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() c WHERE c.schema_name IS DISTINCT FROM 'pg_temp' AND c.schema_name IS DISTINCT FROM 'saadik') THEN
    PERFORM saadik.follow();
  END IF;
END
$after$;

CREATE OR REPLACE FUNCTION saadik.after_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $drop$
BEGIN
  -- Other statements that drop something are followed at their end.
  IF tg_tag LIKE 'DROP %' AND EXISTS (SELECT FROM pg_event_trigger_dropped_objects() d WHERE NOT d.is_temporary AND d.schema_name IS DISTINCT FROM 'saadik') THEN
    PERFORM saadik.follow();
  END IF;
END
$drop$;

CREATE OR REPLACE FUNCTION saadik.before_rewrite() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $before$
BEGIN
  INSERT INTO saadik.rewritten VALUES (pg_event_trigger_table_rewrite_oid()) ON CONFLICT DO NOTHING;
END
$before$;

-- Where sequences stand: they are in no log of changes. One that another transaction holds is left out; it will be asked for again.
CREATE OR REPLACE FUNCTION saadik.sequences() RETURNS TABLE (id oid, schema text, name text, last bigint, called boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $sequences$
BEGIN
  FOR id, schema, name IN
    SELECT c.oid, s.name, c.relname::text FROM pg_class c JOIN saadik.spaces() s ON s.oid = c.relnamespace WHERE c.relkind = 'S' AND c.relpersistence = 'p'
  LOOP
    BEGIN
      last := pg_sequence_last_value(id);
      called := last IS NOT NULL;
      IF NOT called THEN
        EXECUTE format('SELECT last_value, is_called FROM %I.%I', schema, name) INTO last, called;
      END IF;
    EXCEPTION WHEN lock_not_available OR undefined_table OR undefined_object OR internal_error THEN
      last := NULL;
    END;
    RETURN NEXT;
  END LOOP;
END
$sequences$;
