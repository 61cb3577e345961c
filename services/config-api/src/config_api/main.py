"""The composition root: the only module that knows all others."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime

import asyncpg
from cryptography.fernet import Fernet
from fastapi import APIRouter, Depends, FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from config_api import console, migrating, outgoing_http, problems, serving
from config_api.access import routes as access
from config_api.access.callers import EnvironmentTokens, admit, hash_token
from config_api.access.known_parameters import only_known_parameters
from config_api.account_aliases import routes as account_aliases
from config_api.accounts import guarding as accounts_guarding
from config_api.accounts import routes as accounts
from config_api.accounts import sign_in_routes as sign_ins
from config_api.accounts.keeping import TokenKeeper
from config_api.accounts.renewing import Renewals, Tools
from config_api.activities import guarding as activities_guarding
from config_api.activities import routes as activities
from config_api.aliases import account_following
from config_api.aliases import guarding as aliases_guarding
from config_api.aliases import routes as aliases
from config_api.background import Background
from config_api.backlog import Backlog, handovers
from config_api.blocked_extensions import repository as blocked_extensions_repository
from config_api.blocked_extensions import routes as blocked_extensions
from config_api.changes import Changes
from config_api.connections import routes as connections
from config_api.database import create_engine, create_sessions
from config_api.delivery_exceptions import predefined as predefined_exceptions
from config_api.delivery_exceptions import routes as delivery_exceptions
from config_api.departments import routes as departments
from config_api.events import retention
from config_api.events import routes as events
from config_api.events.retention import Purger
from config_api.inbound import routes as inbound
from config_api.instances import membership
from config_api.instances import routes as instances
from config_api.instances import token_routes as instances_tokens
from config_api.instances import worker_routes as instances_worker
from config_api.jobs import routes as jobs
from config_api.masking import repository as masking_repository
from config_api.masking import routes as masking
from config_api.notifications import telling
from config_api.notifications.telling import Teller
from config_api.oauth_applications import routes as oauth_applications
from config_api.oauth_applications.identity import IdentityProvider
from config_api.outbound import acknowledging as outbound_acknowledging
from config_api.outbound import bounced as outbound_bounced
from config_api.outbound import routes as outbound
from config_api.outbound import sweeping
from config_api.outbound.sweeping import Sweeper
from config_api.outgoing_http import OutgoingHttp
from config_api.policies import in_force as policies_in_force
from config_api.preferences import routes as preferences
from config_api.quarantine import repository as quarantine_repository
from config_api.quarantine import routes as quarantine
from config_api.references import Hooks
from config_api.reprocessing import routes as reprocessing
from config_api.routing import alarms, queues, workflow_repository, workflow_routes
from config_api.routing import repository as routing_repository
from config_api.routing import routes as routing
from config_api.routing.alarms import ExceptionAlarm
from config_api.sealing import Vault, unopened
from config_api.settings import Settings
from config_api.transport_guard import TransportGuard
from ece_common import operations, starting, telemetry, tls
from ece_common.errors import Transient

Clock = Callable[[], datetime]
_NAME = "ece-config-api"
_NOT_LET_IN = (OSError, asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)


def _now() -> datetime:
    return datetime.now(UTC)


def _environment_tokens(settings: Settings) -> EnvironmentTokens:
    bootstrap, worker = settings.bootstrap_token, settings.worker_token
    return EnvironmentTokens(
        bootstrap=hash_token(bootstrap.get_secret_value()) if bootstrap else None,
        worker=hash_token(worker.get_secret_value()) if worker else None,
    )


def _hooks() -> Hooks:
    """Who follows whom: higher slices answer lower ones here, so that no import points upward."""
    hooks = Hooks()
    hooks.department_guards.append(aliases_guarding.of_department)
    hooks.department_guards.append(activities_guarding.of_department)
    hooks.department_guards.append(accounts_guarding.of_department)
    hooks.oauth_application_guards.append(accounts_guarding.of_application)
    hooks.oauth_application_followers.append(accounts_guarding.application_changed)
    hooks.account_guards.append(account_following.of_account)
    hooks.account_invalid_followers.append(account_following.account_invalid)
    hooks.account_server_followers.append(account_following.servers_changed)
    hooks.account_change_followers.append(membership.accounts_changed)
    hooks.department_followers.append(queues.make_first)
    hooks.department_cleaners.append(workflow_repository.delete_all)
    hooks.department_cleaners.append(routing_repository.delete_all)
    hooks.department_followers.append(predefined_exceptions.give)
    hooks.department_cleaners.append(predefined_exceptions.take_back)
    hooks.department_cleaners.append(blocked_extensions_repository.delete_all)
    hooks.department_cleaners.append(masking_repository.delete_all)
    hooks.department_cleaners.append(quarantine_repository.delete_all)
    hooks.transfer_followers.append(quarantine_repository.follow)
    hooks.report_linkers.append(outbound_bounced.link)
    hooks.acknowledgers.append(outbound_acknowledging.acknowledge)
    hooks.policy_followers.append(membership.settings_changed)
    hooks.department_policies = policies_in_force.of_departments
    hooks.queue_guards += [activities_guarding.of_queue, workflow_repository.of_queue]
    hooks.alias_guards += [workflow_repository.of_alias, membership.of_alias]
    hooks.alias_placement = membership.RetrieverPlacement()
    hooks.alias_cleaners.append(membership.release)
    hooks.alias_change_followers.append(membership.alias_changed)
    hooks.settings_followers.append(membership.settings_changed)
    return hooks


def _routes() -> APIRouter:
    v1 = APIRouter(prefix="/v1", dependencies=[Depends(only_known_parameters)])
    for slice_routes in (
        access,
        departments,
        preferences,
        oauth_applications,
        sign_ins,
        accounts,
        account_aliases,
        aliases,
        instances,
        instances_worker,
        instances_tokens,
        delivery_exceptions,
        blocked_extensions,
        masking,
        routing,
        workflow_routes,
        activities,
        quarantine,
        outbound,
        inbound,
        jobs,
        connections,
        reprocessing,
        events,
    ):
        v1.include_router(slice_routes.router)
    return v1


def _readiness(engine: AsyncEngine) -> Callable[[], Awaitable[None]]:
    async def ready() -> None:
        try:
            async with asyncio.timeout(5), engine.connect() as connection:
                behind = await connection.run_sync(migrating.is_behind)
        except (SQLAlchemyError, OSError, TimeoutError) as problem:
            raise Transient(f"the database does not answer: {type(problem).__name__}") from problem
        if behind:
            raise Transient("the database is not migrated to this release: run `ece-config-api migrate`")

    return ready


def _identity(settings: Settings) -> IdentityProvider:
    rules = outgoing_http.policy(settings.egress_allow, settings.egress_deny)
    return IdentityProvider(OutgoingHttp(rules, tls.client_context(ca_file=settings.ca_file)))


def _clock_of(app: FastAPI) -> Clock:
    """The clock in force at each moment: a service that is started again may have got another one."""

    def now() -> datetime:
        clock: Clock = app.state.clock
        return clock()

    return now


def _duties(app: FastAPI) -> list[Background]:
    """What the service sees to by itself, in every process."""
    state, now = app.state, _clock_of(app)
    sweeper = Sweeper(state.sessions, now, claim_seconds=state.settings.claim_seconds)
    keeper = TokenKeeper(state.token_tools, state.renewals)
    alarm = ExceptionAlarm(state.sessions, now, every=state.settings.exception_alarm_seconds)
    teller = Teller(state.sessions, state.hooks, state.vault, now)
    purger = Purger(state.sessions, telling.told_up_to)
    return [
        Background("sweeper", sweeping.SECONDS, sweeper.sweep_all),
        Background("tokens", state.settings.token_check_seconds, keeper.keep),
        Background("exception alarm", alarms.SECONDS, alarm.look),
        Background("notifications", telling.SECONDS, teller.tell),
        Background("event retention", retention.SECONDS, purger.purge, at_once=False),
    ]


def _lifespan(
    engine: AsyncEngine, changes: Changes, backlog: Backlog
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        # Most database connections stay free for those who do not wait for an identity provider.
        app.state.renewals = Renewals(app.state.token_tools, max(1, app.state.settings.database_connections // 3))
        duties = _duties(app)
        for loop in (changes, backlog, *duties):
            loop.start()
        yield
        for loop in (*duties, backlog, changes):
            await loop.stop()
        # A rotated token that is on its way is stored first.
        await app.state.renewals.settled()
        await engine.dispose()

    return lifespan


def create_app(settings: Settings, *, clock: Clock = _now) -> FastAPI:
    """The whole service. `clock` decides what time it is for everything but the leases, which are Postgres's."""
    engine = create_engine(settings.async_url, connections=settings.database_connections)
    changes = Changes(settings.database_url.get_secret_value())
    registry = CollectorRegistry()
    vault = Vault([key.get_secret_value() for key in settings.master_keys], unopened(registry).inc)
    backlog = Backlog(engine, registry, vault.opens)
    app = FastAPI(
        title="E-mail gateway Config API",
        version="0.1.0",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(engine, changes, backlog),
        summary="Support mailboxes of a contact centre, in one place.",
        description=console.INTRODUCTION,
        openapi_tags=console.TAGS,
        generate_unique_id_function=console.operation_id,
    )
    app.state.settings = settings
    app.state.sessions = create_sessions(engine)
    app.state.changes = changes
    app.state.clock = clock
    app.state.vault = vault
    app.state.hooks = _hooks()
    app.state.identity = _identity(settings)
    app.state.token_tools = Tools(
        app.state.sessions, app.state.vault, app.state.identity, app.state.hooks, _clock_of(app)
    )
    app.state.environment_tokens = _environment_tokens(settings)
    app.state.registry, app.state.handovers = registry, handovers(registry)
    problems.install(app)
    app.include_router(_routes())
    app.include_router(sign_ins.page_router)
    app.include_router(operations.health_routes(_readiness(engine)))
    if settings.metrics_port is None:
        app.include_router(operations.metrics_route(app.state.registry))
    console.describe(app)
    operations.install_docs(app, persist_authorization=True)
    app.add_middleware(
        TransportGuard,
        admit=admit,
        allow_plain_http=settings.allow_plain_http,
        maximum_body=settings.maximum_body,
        maximum_batch=settings.maximum_batch,
    )
    return app


def _migrate(settings: Settings) -> None:
    try:
        asyncio.run(migrating.migrate(settings.async_url))
    except _NOT_LET_IN as problem:
        sys.exit(f"{_NAME}: ECE_DATABASE_URL: no connection to the database: {problem}")


def run() -> None:
    """`ece-config-api` serves; `ece-config-api migrate` brings the schema up; `new-master-key` prints a key."""
    arguments = sys.argv[1:]
    if arguments == ["new-master-key"]:
        print(Fernet.generate_key().decode())  # noqa: T201 - this is what the command is for
        return
    if arguments not in ([], ["migrate"], ["migrate", "--then-serve"]):
        sys.exit("usage: ece-config-api [migrate [--then-serve] | new-master-key]")
    with starting.explained(_NAME):
        settings = Settings()  # pyright: ignore[reportCallIssue] - the environment fills it
    telemetry.configure(settings.log_level, settings.log_format, "config-api")
    if "migrate" in arguments:
        _migrate(settings)
    if arguments == ["migrate"]:
        return
    with starting.explained(_NAME):
        serving.check_certificate(settings)
        app = create_app(settings)
        serving.serve_metrics(app, settings)
    serving.serve(app, settings, app.state.changes.close)
