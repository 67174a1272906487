-- DropIndex
DROP INDEX "audit_events_time_idx";

-- DropIndex
DROP INDEX "audit_events_request_id_idx";
