-- Every object of the register as one JSON each: what the picture of the schema is made from, and what a change of the schema is found by. An object keeps its
-- kind and oid for as long as it lives, whatever it is renamed to. Owners, grants, roles, tablespaces and publications belong to the cluster and are not told.

CREATE OR REPLACE FUNCTION saadik.spaces() RETURNS TABLE (oid oid, name text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $spaces$
  SELECT n.oid, n.nspname::text FROM pg_namespace n
  WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'saadik')
$spaces$;

-- The columns of a row's key: a primary key that finds one row at any moment. Null where there is none.
CREATE OR REPLACE FUNCTION saadik.key_of(relation oid) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $key$
  SELECT array_agg(a.attname::text ORDER BY k.place)
  FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place), pg_attribute a
  WHERE i.indrelid = relation AND i.indisprimary AND i.indimmediate AND i.indisvalid
    AND k.place <= i.indnkeyatts AND a.attrelid = relation AND a.attnum = k.number
  HAVING bool_and(a.attgenerated = '')
$key$;

CREATE OR REPLACE FUNCTION saadik.described() RETURNS TABLE (kind text, oid oid, description jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO' SET intervalstyle = 'postgres' SET extra_float_digits = 3 SET bytea_output = 'hex' SET timezone = 'UTC' SET lc_monetary = 'C' SET jit = off
AS $described$
#variable_conflict use_column
BEGIN
  RETURN QUERY WITH space AS MATERIALIZED (
    SELECT s.oid, s.name FROM saadik.spaces() s
  ), member AS MATERIALIZED (
    SELECT d.classid, d.objid FROM pg_depend d WHERE d.deptype = 'e'
  ), relation AS MATERIALIZED (
    SELECT c.tableoid AS class, c.*, s.name AS space, jsonb_build_object('schema', s.name, 'schemaOid', s.oid::bigint, 'name', c.relname, 'comment', obj_description(c.oid, 'pg_class')) AS named
    FROM pg_class c JOIN space s ON s.oid = c.relnamespace
    WHERE c.relpersistence <> 't' AND (c.tableoid, c.oid) NOT IN (SELECT m.classid, m.objid FROM member m)
  ), named AS MATERIALIZED (
    SELECT c.oid, jsonb_build_object('oid', c.oid::bigint, 'schema', n.nspname, 'name', c.relname) AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid >= 16384
  ), sorting AS MATERIALIZED (
    SELECT l.oid, format('%I.%I', n.nspname, l.collname) AS name FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace
  ), attribute AS MATERIALIZED (
    SELECT a.attrelid AS relation, jsonb_agg(jsonb_build_object(
      'number', a.attnum,
      'name', a.attname,
      'type', format_type(a.atttypid, a.atttypmod),
      'typeOid', a.atttypid::bigint,
      'modifier', a.atttypmod,
      'collation', CASE WHEN a.attcollation <> t.typcollation THEN l.name END,
      'required', a.attnotnull,
      'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
      'generated', CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END,
      'stored', a.attgenerated <> 'v',
      'identity', a.attidentity::text,
      'inherited', a.attinhcount > 0,
      -- What rows that were there before the column have in it.
      'missing', CASE WHEN a.atthasmissing THEN (a.attmissingval::text::text[])[1] END,
      'storage', a.attstorage::text,
      'usualStorage', t.typstorage::text,
      'compression', nullif(a.attcompression::text, ''),
      'statistics', nullif(a.attstattarget, -1),
      'options', to_jsonb(a.attoptions),
      'comment', col_description(a.attrelid, a.attnum)
    ) ORDER BY a.attnum) AS columns
    FROM pg_attribute a JOIN relation c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum LEFT JOIN sorting l ON l.oid = a.attcollation
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'c') AND a.attnum > 0 AND NOT a.attisdropped
    GROUP BY a.attrelid
  ), type AS MATERIALIZED (
    SELECT t.tableoid AS class, t.*, jsonb_build_object('schema', s.name, 'schemaOid', s.oid::bigint, 'name', t.typname, 'comment', obj_description(t.oid, 'pg_type')) AS named
    FROM pg_type t JOIN space s ON s.oid = t.typnamespace
    WHERE (t.tableoid, t.oid) NOT IN (SELECT m.classid, m.objid FROM member m)
  ), object AS MATERIALIZED (
    SELECT 'schema' AS kind, n.tableoid AS class, n.oid, jsonb_build_object('name', n.nspname, 'comment', obj_description(n.oid, 'pg_namespace')) AS description
    FROM pg_namespace n JOIN space s ON s.oid = n.oid
    WHERE (n.tableoid, n.oid) NOT IN (SELECT m.classid, m.objid FROM member m)

    UNION ALL SELECT 'extension', e.tableoid, e.oid, jsonb_build_object('name', e.extname, 'schema', n.nspname)
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.oid >= 16384

    UNION ALL SELECT 'enum', t.class, t.oid, t.named || jsonb_build_object('labels', (
      SELECT coalesce(jsonb_agg(jsonb_build_object('oid', l.oid::bigint, 'label', l.enumlabel) ORDER BY l.enumsortorder), '[]') FROM pg_enum l WHERE l.enumtypid = t.oid))
    FROM type t WHERE t.typtype = 'e'

    UNION ALL SELECT 'domain', t.class, t.oid, t.named || jsonb_build_object(
      'base', format_type(t.typbasetype, t.typtypmod),
      'collation', CASE WHEN t.typcollation <> b.typcollation
        THEN (SELECT l.name FROM sorting l WHERE l.oid = t.typcollation) END,
      'required', t.typnotnull,
      'default', pg_get_expr(t.typdefaultbin, 0))
    FROM type t JOIN pg_type b ON b.oid = t.typbasetype WHERE t.typtype = 'd'

    UNION ALL SELECT 'composite', t.class, t.oid, t.named || jsonb_build_object('columns', coalesce((SELECT a.columns FROM attribute a WHERE a.relation = t.typrelid), '[]'))
    FROM type t JOIN pg_class c ON c.oid = t.typrelid WHERE t.typtype = 'c' AND c.relkind = 'c'

    UNION ALL SELECT 'range', t.class, t.oid, t.named || jsonb_build_object(
      'subtype', format_type(r.rngsubtype, NULL),
      'multirange', (SELECT format('%I.%I', n.nspname, m.typname) FROM pg_type m JOIN pg_namespace n ON n.oid = m.typnamespace WHERE m.oid = r.rngmultitypid),
      'operators', (SELECT format('%I.%I', n.nspname, o.opcname) FROM pg_opclass o JOIN pg_namespace n ON n.oid = o.opcnamespace WHERE o.oid = r.rngsubopc AND NOT o.opcdefault),
      'collation', (SELECT l.name FROM sorting l, pg_type s
        WHERE l.oid = r.rngcollation AND s.oid = r.rngsubtype AND l.oid <> s.typcollation),
      'difference', nullif(r.rngsubdiff::oid, 0)::regproc::text)
    FROM type t JOIN pg_range r ON r.rngtypid = t.oid WHERE t.typtype = 'r'

    UNION ALL SELECT 'sequence', c.class, c.oid, c.named || jsonb_build_object(
      'type', format_type(q.seqtypid, NULL), 'start', q.seqstart::text, 'minimum', q.seqmin::text, 'maximum', q.seqmax::text,
      'increment', q.seqincrement::text, 'cycle', q.seqcycle, 'cache', q.seqcache::text,
      'identity', o.deptype IS NOT NULL AND o.deptype = 'i',
      'owner', CASE WHEN o.deptype IS NOT NULL THEN (SELECT n.name FROM named n WHERE n.oid = o.refobjid) || jsonb_build_object('column', a.attname, 'always', a.attidentity = 'a') END)
    FROM relation c JOIN pg_sequence q ON q.seqrelid = c.oid
    LEFT JOIN pg_depend o ON o.classid = c.class AND o.objid = c.oid AND o.objsubid = 0 AND o.refclassid = c.class AND o.refobjsubid > 0 AND o.deptype IN ('a', 'i')
    LEFT JOIN pg_attribute a ON a.attrelid = o.refobjid AND a.attnum = o.refobjsubid
    WHERE c.relkind = 'S'

    UNION ALL SELECT 'table', c.class, c.oid, c.named || jsonb_build_object(
      'partitioned', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
      'bound', pg_get_expr(c.relpartbound, c.oid),
      'parents', (SELECT coalesce(jsonb_agg(n.name ORDER BY i.inhseqno), '[]') FROM pg_inherits i JOIN named n ON n.oid = i.inhparent WHERE i.inhrelid = c.oid),
      'columns', coalesce((SELECT a.columns FROM attribute a WHERE a.relation = c.oid), '[]'),
      'key', CASE WHEN c.relkind = 'r' THEN to_jsonb(saadik.key_of(c.oid)) END,
      'options', (SELECT jsonb_agg(x ORDER BY x) FROM (
        SELECT unnest(c.reloptions) AS x UNION ALL SELECT 'toast.' || unnest(t.reloptions) FROM pg_class t WHERE t.oid = c.reltoastrelid) o),
      'method', (SELECT m.amname FROM pg_am m WHERE m.oid = c.relam AND m.amname <> 'heap'),
      'rowSecurity', c.relrowsecurity, 'forcedRowSecurity', c.relforcerowsecurity)
    FROM relation c WHERE c.relkind IN ('r', 'p')

    UNION ALL SELECT 'constraint', k.tableoid, k.oid, jsonb_build_object(
      'name', k.conname, 'type', k.contype::text, 'definition', pg_get_constraintdef(k.oid),
      'table', CASE WHEN k.conrelid <> 0 THEN (SELECT n.name FROM named n WHERE n.oid = k.conrelid) END,
      'domain', (SELECT jsonb_build_object('oid', t.oid::bigint) || t.named FROM type t WHERE t.oid = k.contypid),
      'inherited', k.coninhcount > 0, 'attached', k.conparentid <> 0,
      'parents', (SELECT coalesce(jsonb_agg(i.inhparent::bigint ORDER BY i.inhseqno), '[]') FROM pg_inherits i WHERE i.inhrelid = k.conrelid),
      'validated', k.convalidated, 'deferrable', k.condeferrable, 'deferred', k.condeferred,
      'comment', obj_description(k.oid, 'pg_constraint'))
    FROM pg_constraint k
    WHERE k.contype IN ('c', 'f', 'p', 'u', 'x')
      AND (k.conrelid IN (SELECT c.oid FROM relation c WHERE c.relkind IN ('r', 'p')) OR k.contypid IN (SELECT t.oid FROM type t WHERE t.typtype = 'd'))

    UNION ALL SELECT 'index', c.class, c.oid, c.named || jsonb_build_object(
      'table', (SELECT n.name FROM named n WHERE n.oid = i.indrelid), 'definition', pg_get_indexdef(c.oid),
      'constraint', EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x')),
      'parent', (SELECT n.name FROM named n JOIN pg_inherits h ON h.inhparent = n.oid WHERE h.inhrelid = c.oid),
      'options', to_jsonb(c.reloptions), 'clustered', i.indisclustered,
      'statistics', (SELECT jsonb_object_agg(a.attnum, a.attstattarget) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attstattarget >= 0))
    FROM relation c JOIN pg_index i ON i.indexrelid = c.oid
    WHERE i.indrelid IN (SELECT r.oid FROM relation r WHERE r.relkind IN ('r', 'p', 'm')) AND (c.relkind = 'I' OR c.relkind = 'i' AND i.indisvalid)

    UNION ALL SELECT 'view', c.class, c.oid, c.named || jsonb_build_object(
      'materialized', c.relkind = 'm', 'definition', rtrim(pg_get_viewdef(c.oid), '; '), 'columns', coalesce((SELECT a.columns FROM attribute a WHERE a.relation = c.oid), '[]'),
      'options', (SELECT jsonb_agg(x ORDER BY x) FROM unnest(c.reloptions) x), 'populated', c.relispopulated,
      'method', CASE WHEN c.relkind = 'm' THEN (SELECT m.amname FROM pg_am m WHERE m.oid = c.relam AND m.amname <> 'heap') END)
    FROM relation c WHERE c.relkind IN ('v', 'm')

    UNION ALL SELECT 'function', p.tableoid, p.oid, jsonb_build_object(
      'schema', s.name, 'schemaOid', s.oid::bigint, 'name', p.proname, 'arguments', pg_get_function_identity_arguments(p.oid), 'definition', pg_get_functiondef(p.oid),
      'procedure', p.prokind = 'p', 'comment', obj_description(p.oid, 'pg_proc'))
    FROM pg_proc p JOIN space s ON s.oid = p.pronamespace
    WHERE p.prokind IN ('f', 'p', 'w') AND (p.tableoid, p.oid) NOT IN (SELECT m.classid, m.objid FROM member m)
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = p.tableoid AND d.objid = p.oid AND d.deptype = 'i')

    UNION ALL SELECT 'trigger', g.tableoid, g.oid, jsonb_build_object(
      'name', g.tgname, 'table', (SELECT n.name FROM named n WHERE n.oid = g.tgrelid), 'definition', pg_get_triggerdef(g.oid), 'enabled', g.tgenabled::text, 'attached', g.tgparentid <> 0,
      'comment', obj_description(g.oid, 'pg_trigger'))
    FROM pg_trigger g JOIN relation c ON c.oid = g.tgrelid WHERE NOT g.tgisinternal

    UNION ALL SELECT 'rule', w.tableoid, w.oid, jsonb_build_object(
      'name', w.rulename, 'table', (SELECT n.name FROM named n WHERE n.oid = w.ev_class), 'definition', rtrim(pg_get_ruledef(w.oid), '; '), 'enabled', w.ev_enabled::text,
      'comment', obj_description(w.oid, 'pg_rewrite'))
    FROM pg_rewrite w JOIN relation c ON c.oid = w.ev_class WHERE w.rulename <> '_RETURN'

    UNION ALL SELECT 'policy', y.tableoid, y.oid, jsonb_build_object(
      'name', y.polname, 'table', (SELECT n.name FROM named n WHERE n.oid = y.polrelid), 'command', y.polcmd::text, 'permissive', y.polpermissive,
      'roles', (SELECT jsonb_agg(CASE WHEN r.role = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r.role)) END ORDER BY r.role) FROM unnest(y.polroles) r (role)),
      'using', pg_get_expr(y.polqual, y.polrelid), 'check', pg_get_expr(y.polwithcheck, y.polrelid),
      'comment', obj_description(y.oid, 'pg_policy'))
    FROM pg_policy y JOIN relation c ON c.oid = y.polrelid

    UNION ALL SELECT 'statistics', x.tableoid, x.oid, jsonb_build_object(
      'schema', s.name, 'schemaOid', s.oid::bigint, 'name', x.stxname, 'definition', pg_get_statisticsobjdef(x.oid), 'target', nullif(x.stxstattarget, -1),
      'comment', obj_description(x.oid, 'pg_statistic_ext'))
    FROM pg_statistic_ext x JOIN space s ON s.oid = x.stxnamespace JOIN relation c ON c.oid = x.stxrelid
  ), entry AS MATERIALIZED (
    -- Which object an entry of the catalogs belongs to.
    SELECT o.class, o.oid AS entry, o.kind, o.oid FROM object o
    UNION ALL SELECT t.tableoid, t.oid, o.kind, o.oid FROM object o JOIN pg_type t ON t.typrelid = o.oid WHERE o.kind IN ('table', 'view')
    UNION ALL SELECT c.tableoid, c.oid, o.kind, o.oid FROM object o JOIN pg_class c ON c.reltype = o.oid WHERE o.kind = 'composite'
    UNION ALL SELECT a.tableoid, a.oid, o.kind, o.oid FROM object o JOIN pg_type t ON t.oid = o.oid JOIN pg_type a ON a.oid = t.typarray WHERE o.kind IN ('enum', 'domain', 'composite', 'range')
    UNION ALL SELECT a.tableoid, a.oid, o.kind, o.oid FROM object o JOIN pg_type t ON t.typrelid = o.oid JOIN pg_type a ON a.oid = t.typarray WHERE o.kind IN ('table', 'view')
    UNION ALL SELECT t.tableoid, t.oid, o.kind, o.oid FROM object o JOIN pg_range r ON r.rngtypid = o.oid JOIN pg_type t ON t.oid = r.rngmultitypid WHERE o.kind = 'range'
    UNION ALL SELECT d.tableoid, d.oid, o.kind, o.oid FROM object o JOIN pg_attrdef d ON d.adrelid = o.oid WHERE o.kind IN ('table', 'view')
    UNION ALL SELECT w.tableoid, w.oid, o.kind, o.oid FROM object o JOIN pg_rewrite w ON w.ev_class = o.oid AND w.rulename = '_RETURN' WHERE o.kind = 'view'
  ), need AS (
    SELECT u.kind, u.oid, jsonb_agg(DISTINCT jsonb_build_array(n.kind, n.oid::bigint)) AS needs
    FROM pg_depend d JOIN entry u ON u.class = d.classid AND u.entry = d.objid JOIN entry n ON n.class = d.refclassid AND n.entry = d.refobjid
    -- A sequence that a column owns is made before its table, whose default names it.
    WHERE (u.kind, u.oid) <> (n.kind, n.oid) AND n.kind <> 'schema' AND NOT (u.kind = 'sequence' AND d.deptype = 'a')
    GROUP BY u.kind, u.oid
  )
  SELECT o.kind, o.oid, o.description || jsonb_build_object('needs', coalesce(n.needs, '[]'))
  FROM object o LEFT JOIN need n ON n.kind = o.kind AND n.oid = o.oid;
END
$described$;
