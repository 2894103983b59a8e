-- What a run covers: a reload brings nothing new from the API, and a day that was not over when the run began is only begun.
alter table ops.ingest_runs add column is_reload boolean not null default false;
comment on column ops.ingest_runs.is_reload is 'Loaded from the landing zone (`postlaunch load`): it covers no date, because nobody asked the API.';
