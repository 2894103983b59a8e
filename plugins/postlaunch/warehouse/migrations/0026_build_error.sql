-- Why a build failed, beside that it did.
alter table ops.builds add column error text;
