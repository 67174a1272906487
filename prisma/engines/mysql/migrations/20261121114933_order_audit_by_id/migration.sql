DROP INDEX `audit_events_time_idx` ON `audit_events`;

DROP INDEX `audit_events_request_id_idx` ON `audit_events`;
