-- What cannot be made again exactly from what the agent is told. It is refused by name: when the database is prepared, and later by the statement that would make it.
CREATE OR REPLACE FUNCTION saadik.unsupported() RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS $unsupported$
  WITH member AS MATERIALIZED (
    SELECT d.classid, d.objid FROM pg_depend d WHERE d.deptype = 'e'
  ), own AS MATERIALIZED (
    SELECT c.tableoid AS class, c.*, format('%I.%I', s.name, c.relname) AS named FROM pg_class c JOIN saadik.spaces() s ON s.oid = c.relnamespace
    WHERE c.relpersistence <> 't'
  )
  SELECT 'unlogged table ' || c.named FROM own c WHERE c.relpersistence = 'u' AND c.relkind IN ('r', 'p')
  UNION ALL SELECT 'foreign table ' || c.named FROM own c WHERE c.relkind = 'f'
  UNION ALL SELECT 'table of a type ' || c.named FROM own c WHERE c.reloftype <> 0
  UNION ALL SELECT format('table %s of extension %I', c.named, e.extname)
    FROM own c JOIN pg_depend d ON d.classid = c.class AND d.objid = c.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid
    WHERE c.relkind IN ('r', 'p', 'S')
  UNION ALL SELECT format('base type %I.%I', s.name, t.typname) FROM pg_type t JOIN saadik.spaces() s ON s.oid = t.typnamespace
    WHERE (t.typtype = 'p' OR t.typtype = 'b' AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid))
      AND (t.tableoid, t.oid) NOT IN (SELECT m.classid, m.objid FROM member m)
  UNION ALL SELECT format('range type %I.%I with a canonical function', s.name, t.typname)
    FROM pg_range r JOIN pg_type t ON t.oid = r.rngtypid JOIN saadik.spaces() s ON s.oid = t.typnamespace
    WHERE r.rngcanonical <> 0 AND (t.tableoid, t.oid) NOT IN (SELECT m.classid, m.objid FROM member m)
  UNION ALL SELECT format(CASE p.prokind WHEN 'a' THEN 'aggregate %I.%I' ELSE 'function %I.%I in C' END, s.name, p.proname)
    FROM pg_proc p JOIN saadik.spaces() s ON s.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
    WHERE (p.prokind = 'a' OR l.lanname IN ('c', 'internal')) AND (p.tableoid, p.oid) NOT IN (SELECT m.classid, m.objid FROM member m)
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = p.tableoid AND d.objid = p.oid AND d.deptype = 'i')
  UNION ALL SELECT format('%s %s', i.type, i.identity) FROM (
    SELECT tableoid, oid FROM pg_operator UNION ALL SELECT tableoid, oid FROM pg_opclass UNION ALL SELECT tableoid, oid FROM pg_opfamily
    UNION ALL SELECT tableoid, oid FROM pg_cast UNION ALL SELECT tableoid, oid FROM pg_collation UNION ALL SELECT tableoid, oid FROM pg_conversion
    UNION ALL SELECT tableoid, oid FROM pg_ts_config UNION ALL SELECT tableoid, oid FROM pg_ts_dict UNION ALL SELECT tableoid, oid FROM pg_ts_parser
    UNION ALL SELECT tableoid, oid FROM pg_ts_template UNION ALL SELECT tableoid, oid FROM pg_am UNION ALL SELECT tableoid, oid FROM pg_language
    UNION ALL SELECT tableoid, oid FROM pg_transform UNION ALL SELECT tableoid, oid FROM pg_foreign_data_wrapper UNION ALL SELECT tableoid, oid FROM pg_foreign_server
  ) o (class, id), pg_identify_object(o.class, o.id, 0) i
    WHERE o.id >= 16384 AND (o.class, o.id) NOT IN (SELECT m.classid, m.objid FROM member m)
      -- A range type brings its casts to and from its multirange.
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.class AND d.objid = o.id AND d.deptype = 'i')
  UNION ALL SELECT 'large objects' WHERE EXISTS (SELECT FROM pg_largeobject_metadata)
$unsupported$;
