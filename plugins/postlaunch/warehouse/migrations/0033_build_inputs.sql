-- What a build was made of, so that the next one leaves out what would come out the same.
alter table ops.builds add column inputs jsonb;
comment on column ops.builds.inputs is
    'Fingerprints of what the build was made of (marts/inputs.py): input -> hash. Null until dbt has ended well.';
