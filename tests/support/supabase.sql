-- A database as a Supabase project has it before anybody's first migration: roles, schemas auth, storage and
-- extensions, privileges that new tables of schema public get by default, and the empty publication.
-- Run once a server by a superuser; `project_owner` then plays the project's own `postgres`, which is
-- no superuser there and cannot be called so here. What its images add beyond that (supautils, pgsodium,
-- the tables of Auth and Realtime that nobody of ours looks at) is left out.
-- Source: the init scripts and migrations of supabase/postgres and supabase/storage, looked up 2026-11-25.

create role supabase_admin login superuser createdb createrole replication bypassrls;
create role anon nologin;
create role authenticated nologin;
create role service_role nologin bypassrls;
create role authenticator login noinherit;
create role supabase_auth_admin login noinherit createrole;
create role supabase_storage_admin login noinherit createrole;
create role dashboard_user nologin createdb createrole replication;
create role project_owner login nosuperuser createdb createrole replication bypassrls;
grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role to project_owner with admin option;
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
alter role project_owner set search_path = "$user", public, extensions;

grant all on schema public to project_owner;
grant usage on schema public to anon, authenticated, service_role;
create schema extensions authorization supabase_admin;
grant usage on schema extensions to project_owner, anon, authenticated, service_role;

-- What makes Supabase different: whatever anybody creates in public is everybody's, but for its policies.
alter default privileges for role project_owner, supabase_admin in schema public
    grant all on tables to project_owner, anon, authenticated, service_role;
alter default privileges for role project_owner, supabase_admin in schema public
    grant all on functions to project_owner, anon, authenticated, service_role;
alter default privileges for role project_owner, supabase_admin in schema public
    grant all on sequences to project_owner, anon, authenticated, service_role;

-- Auth. The project's owner may look into the schema, and can pass that right on to nobody.
create schema auth authorization supabase_admin;
grant usage on schema auth to anon, authenticated, service_role, project_owner;
grant all on schema auth to supabase_auth_admin, dashboard_user;
create table auth.users (
    id uuid primary key,
    aud varchar(255),
    role varchar(255),
    email varchar(255),
    raw_user_meta_data jsonb,
    created_at timestamptz,
    updated_at timestamptz,
    is_anonymous boolean not null default false
);
alter table auth.users owner to supabase_auth_admin;
alter table auth.users enable row level security;
grant all on auth.users to project_owner, dashboard_user;

create function auth.jwt() returns jsonb
language sql stable
as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')
    )::jsonb
$$;
create function auth.uid() returns uuid
language sql stable
as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim.sub', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
    )::uuid
$$;
create function auth.role() returns text
language sql stable
as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim.role', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
    )
$$;
alter function auth.jwt() owner to supabase_auth_admin;
alter function auth.uid() owner to supabase_auth_admin;
alter function auth.role() owner to supabase_auth_admin;

-- Storage: the rows of buckets and objects; the bytes are elsewhere.
create schema storage authorization supabase_admin;
grant all on schema storage to supabase_storage_admin with grant option;
grant usage on schema storage to project_owner, anon, authenticated, service_role;
alter default privileges for role supabase_storage_admin in schema storage
    grant all on tables to project_owner, anon, authenticated, service_role;
alter default privileges for role supabase_storage_admin in schema storage
    grant all on functions to project_owner, anon, authenticated, service_role;

set role supabase_storage_admin;
create type storage.buckettype as enum ('STANDARD', 'ANALYTICS', 'VECTOR');
create table storage.buckets (
    id text primary key,
    name text not null,
    owner uuid,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    public boolean default false,
    avif_autodetection boolean default false,
    file_size_limit bigint,
    allowed_mime_types text[],
    owner_id text,
    type storage.buckettype not null default 'STANDARD',
    versioning_status text not null default 'DISABLED'
);
create unique index bname on storage.buckets (name);
create table storage.objects (
    id uuid primary key default gen_random_uuid(),
    bucket_id text references storage.buckets (id),
    name text,
    owner uuid,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    last_accessed_at timestamptz default now(),
    metadata jsonb,
    path_tokens text[] generated always as (string_to_array(name, '/')) stored,
    version text,
    owner_id text,
    user_metadata jsonb
);
create unique index bucketid_objname on storage.objects (bucket_id, name);
alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;
grant all on storage.buckets, storage.objects to project_owner with grant option;

create function storage.foldername(name text) returns text[]
language sql immutable
as $$ select (string_to_array(name, '/'))[:cardinality(string_to_array(name, '/')) - 1] $$;
create function storage.protect_delete() returns trigger
language plpgsql
as $$
begin
    if coalesce(current_setting('storage.allow_delete_query', true), 'false') <> 'true' then
        raise exception using errcode = '42501',
            message = 'Direct deletion from storage tables is not allowed. Use the Storage API instead.';
    end if;
    return null;
end
$$;
create trigger protect_buckets_delete before delete on storage.buckets
    for each statement execute function storage.protect_delete();
create trigger protect_objects_delete before delete on storage.objects
    for each statement execute function storage.protect_delete();
reset role;

-- Realtime sends what this publication names.
create publication supabase_realtime;
alter publication supabase_realtime owner to project_owner;
