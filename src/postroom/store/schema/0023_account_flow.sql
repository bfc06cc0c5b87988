-- By which flow an account was linked last: at some networks it depends on that what may be done. Null: linked before this.
alter table accounts add column flow text;
