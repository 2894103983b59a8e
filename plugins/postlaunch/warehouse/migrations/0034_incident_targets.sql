-- A severity may promise a resolution and no acknowledgement.
alter table config.incident_targets alter column acknowledge_seconds drop not null;
