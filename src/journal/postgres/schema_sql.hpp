#pragma once

namespace sluice::journal::postgres {

/// Version 1. Names of runs and parties, targets and details are bytes: any may stand in them. `sluice.readable` shows
/// them. Unique keys over names are keys over their hashes: an index takes no name of more than some 2,700 bytes.
inline constexpr const char* kSchemaStep1 = R"sql(
CREATE TABLE sluice.meta (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  version bigint NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO sluice.meta (version) VALUES (0);
COMMENT ON TABLE sluice.meta IS 'one row; who changes anything of the journal locks it first';

CREATE TABLE sluice.parties (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run bytea NOT NULL,
  party bytea NOT NULL,
  attempt bigint NOT NULL
);
CREATE UNIQUE INDEX parties_by_name ON sluice.parties (sha256(run), sha256(party), attempt);

CREATE TABLE sluice.blocks (
  seq bigint PRIMARY KEY,
  party_id bigint NOT NULL,
  party_seq bigint NOT NULL,
  stage bigint,
  kind bigint NOT NULL,
  from_ns bigint NOT NULL,
  to_ns bigint NOT NULL,
  clock_error_ns bigint NOT NULL,
  operations bigint NOT NULL,
  zone_records bigint,
  zone_latency_ns_min bigint,
  zone_latency_ns_max bigint,
  zone_bytes_min bigint,
  zone_bytes_max bigint,
  zone_statuses bigint,
  hash bytea NOT NULL,
  previous bytea NOT NULL,
  payload bytea NOT NULL
);
ALTER TABLE sluice.blocks ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX blocks_by_party ON sluice.blocks (party_id, party_seq);
CREATE INDEX blocks_by_hash ON sluice.blocks (hash);

CREATE TABLE sluice.notable (
  seq bigint NOT NULL,
  index bigint NOT NULL,
  operation bigint NOT NULL,
  status bigint NOT NULL,
  end_ns bigint NOT NULL,
  latency_ns bigint NOT NULL,
  bytes bigint NOT NULL,
  target bytea NOT NULL,
  detail bytea NOT NULL,
  PRIMARY KEY (seq, index)
);
CREATE INDEX notable_by_latency ON sluice.notable (latency_ns DESC, seq, index);

CREATE TABLE sluice.heads (
  party_id bigint PRIMARY KEY,
  next_party_seq bigint NOT NULL,
  missing text NOT NULL,
  last_hash bytea NOT NULL,
  last_seq bigint NOT NULL,
  complete_to_ns bigint NOT NULL,
  to_ns bigint NOT NULL,
  is_over boolean NOT NULL
);

CREATE TABLE sluice.fences (
  run bytea NOT NULL,
  stage bigint NOT NULL,
  attempt bigint NOT NULL,
  at_seq bigint NOT NULL
);
CREATE UNIQUE INDEX fences_by_attempt ON sluice.fences (sha256(run), stage, attempt);

CREATE FUNCTION sluice.readable(raw bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN convert_from(raw, 'UTF8');
EXCEPTION WHEN OTHERS THEN
  RETURN encode(raw, 'escape');
END $$;
COMMENT ON FUNCTION sluice.readable IS 'the text of bytes; with \ooo where they are none';

CREATE FUNCTION sluice.time_of(ns bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
  $$ SELECT to_timestamp(ns / 1e9) $$;

CREATE FUNCTION sluice.kind_name(kind bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$ SELECT coalesce((ARRAY['run_started', 'stage_started', 'interval', 'stage_ended', 'note', 'run_ended', 'records'])
                     [kind::int], 'unknown') $$;

CREATE FUNCTION sluice.operation_name(operation bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$ SELECT coalesce((ARRAY['get', 'put', 'list', 'stat', 'delete', 'mkdir', 'rmdir', 'copy', 'rename', 'read', 'write'])
                     [operation::int + 1], 'unknown') $$;

CREATE FUNCTION sluice.status_name(status bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$ SELECT coalesce((ARRAY['success', 'not_found', 'exists', 'permission_denied', 'read_only', 'no_space', 'io_error',
                            'stale_handle', 'timed_out', 'too_many_open_files', 'short_transfer', 'not_empty',
                            'invalid_request', 'unsupported', 'busy', 'other'])
                     [CASE WHEN status > 0 THEN (ln(status) / ln(2.0))::int + 1 END], 'unknown') $$;)sql";

/// The views for people, and a kind of block. In place of those of version 1, which counted stages from 0; what was
/// granted on them stays.
inline constexpr const char* kSchemaStep2 = R"sql(
CREATE OR REPLACE FUNCTION sluice.kind_name(kind bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$ SELECT coalesce((ARRAY['run_started', 'stage_started', 'interval', 'stage_ended', 'note', 'run_ended', 'records',
                            'target_names'])[kind::int], 'unknown') $$;

CREATE OR REPLACE VIEW sluice.blocks_readable AS
  SELECT b.seq, sluice.readable(p.run) AS run, sluice.readable(p.party) AS party, p.attempt, b.party_seq,
         b.stage + 1 AS stage,
         sluice.kind_name(b.kind) AS kind, sluice.time_of(b.from_ns) AS from_time, sluice.time_of(b.to_ns) AS to_time,
         b.zone_records AS records, octet_length(b.payload) AS payload_bytes, encode(b.hash, 'hex') AS hash,
         EXISTS (SELECT 1 FROM sluice.fences f
                 WHERE f.run = p.run AND f.stage = b.stage AND f.attempt = p.attempt) AS discarded
  FROM sluice.blocks b JOIN sluice.parties p ON p.id = b.party_id;

CREATE OR REPLACE VIEW sluice.runs AS
  SELECT sluice.readable(p.run) AS run, sluice.time_of(min(b.from_ns)) AS started,
         sluice.time_of(max(b.to_ns)) AS last_block, round((max(b.to_ns) - min(b.from_ns)) / 1e9, 3) AS duration_s,
         CASE WHEN bool_and(h.is_over) THEN 'ended' ELSE 'no end known' END AS state,
         count(DISTINCT p.party) AS parties, max(p.attempt) + 1 AS attempts, count(*) AS blocks,
         sum(octet_length(b.payload)) AS payload_bytes, min(b.seq) AS first_seq, max(b.seq) AS last_seq,
         (SELECT count(*) FROM sluice.fences f WHERE f.run = p.run) AS discarded_attempts
  FROM sluice.blocks b JOIN sluice.parties p ON p.id = b.party_id LEFT JOIN sluice.heads h ON h.party_id = p.id
  GROUP BY p.run ORDER BY min(b.from_ns);

CREATE OR REPLACE VIEW sluice.stages AS
  SELECT sluice.readable(p.run) AS run, b.stage + 1 AS stage, p.attempt, sluice.time_of(min(b.from_ns)) AS started,
         sluice.time_of(max(b.to_ns)) AS ended, count(DISTINCT p.party) AS parties, count(*) AS blocks
  FROM sluice.blocks b JOIN sluice.parties p ON p.id = b.party_id
  WHERE b.stage IS NOT NULL GROUP BY p.run, b.stage, p.attempt;

CREATE OR REPLACE VIEW sluice.party_heads AS
  SELECT sluice.readable(p.run) AS run, sluice.readable(p.party) AS party, p.attempt, h.next_party_seq AS blocks,
         h.missing, sluice.time_of(h.complete_to_ns) AS complete_to, sluice.time_of(h.to_ns) AS to_time, h.is_over
  FROM sluice.heads h JOIN sluice.parties p ON p.id = h.party_id;

CREATE OR REPLACE VIEW sluice.notable_operations AS
  SELECT sluice.readable(p.run) AS run, sluice.readable(p.party) AS party, b.stage + 1 AS stage,
         sluice.operation_name(n.operation) AS operation, n.latency_ns / 1e6 AS latency_ms, n.bytes,
         sluice.readable(n.target) AS target, sluice.status_name(n.status) AS status, sluice.readable(n.detail) AS detail,
         sluice.time_of(n.end_ns) AS ended, n.seq, n.index AS record, n.latency_ns,
         EXISTS (SELECT 1 FROM sluice.fences f
                 WHERE f.run = p.run AND f.stage = b.stage AND f.attempt = p.attempt) AS discarded
  FROM sluice.notable n JOIN sluice.blocks b ON b.seq = n.seq JOIN sluice.parties p ON p.id = b.party_id;

CREATE OR REPLACE VIEW sluice.slow_operations AS SELECT * FROM sluice.notable_operations ORDER BY latency_ns DESC;
CREATE OR REPLACE VIEW sluice.failed_operations AS
  SELECT * FROM sluice.notable_operations WHERE status <> 'success' ORDER BY seq, record;

CREATE OR REPLACE VIEW sluice.discarded_attempts AS
  SELECT sluice.readable(run) AS run, stage + 1 AS stage, attempt, at_seq FROM sluice.fences;
)sql";

}  // namespace sluice::journal::postgres
