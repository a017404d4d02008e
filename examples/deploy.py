"""A deploy agent: ships and rolls back services, and asks a person before it touches anything.

It is LangChain's `create_agent` with `HumanInTheLoopMiddleware`: the two tools that change the fleet are gated, so all
that the agent wants to do in one turn arrives as one request with a decision for each action (batched mode). Reading
the status is not gated. See https://docs.langchain.com/oss/python/langchain/human-in-the-loop

The graph is exported without a checkpointer; the program that runs it adds one.

Try: `ship billing 2.4.1 to production` · `roll back billing in staging` · `status of billing`
"""

from typing import Any

from langchain.agents import AgentState, create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware, InterruptOnConfig
from langchain_core.messages import ToolCall
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from signoff_examples_fleet import (
    MOST_REPLICAS,
    SERVICES,
    Environment,
    Fleet,
    NotPossible,
    Release,
    Service,
    counted,
    kept_fleet,
    listed,
)
from signoff_examples_models import chat_model
from signoff_examples_operator import Operator, plainly

# The result of a tool: a sentence for the model, and the artifact that really ran, to be compared with the call.
Result = tuple[str, dict[str, Any]]

INSTRUCTIONS = f"""\
You ship and roll back services for an engineering team. The services are {listed(SERVICES)}; the environments are \
staging and production. Call every tool that a request needs in one turn, so that reviewers see the actions together. \
Where nobody says how many replicas, look the service up first and keep the number that runs now. When a version or an \
environment is missing, ask for it. A person reviews each action and may approve it, change it, refuse it or answer in \
its place. Afterwards say shortly what was really done, with the arguments that ran and not those you proposed; name \
what a reviewer changed; for what was refused say that it did not happen, and the reason. Never try a refused action \
again unless you are asked to."""


class Arguments(BaseModel):
    """Arguments that a reviewer may edit: a misspelt one is an error, never ignored."""

    model_config = ConfigDict(extra="forbid")

    service: Service = Field(description="The service")


class DeployService(Arguments):
    """Arguments of `deploy_service`."""

    version: str = Field(description="The version to run, such as 2.4.1", pattern=r"^\d+(\.\d+){1,2}(-[0-9A-Za-z.]+)?$")
    environment: Environment = Field(description="Where to run it")
    replicas: int = Field(description="How many copies of it run at once", ge=1, le=MOST_REPLICAS)


class RollbackService(Arguments):
    """Arguments of `rollback_service`."""

    version: str = Field(description="The version to return to: the one that ran before")
    environment: Environment = Field(description="Where to return to the release before")


class GetStatus(Arguments):
    """Arguments of `get_status`."""


def tools_for(fleet: Fleet) -> list[BaseTool]:
    """Return the three tools that act on this fleet."""

    def deploy_service(service: Service, version: str, environment: Environment, replicas: int) -> Result:
        """Run a version of a service in an environment, in place of what runs there."""
        release = Release(version, replicas)
        replaced = fleet.deploy(service, environment, release)
        done = {"service": service, "version": version, "environment": environment, "replicas": replicas}
        if replaced == release:
            return f"{service} {version} was running in {environment} on {counted(replicas)} already.", done
        before = replaced.version if replaced.replicas == replicas else replaced
        return f"{service} {version} is live in {environment} on {counted(replicas)}, in place of {before}.", done

    def rollback_service(service: Service, version: str, environment: Environment) -> Result:
        """Return a service to the version that ran before in an environment; get_status tells which."""
        try:
            dropped, now = fleet.roll_back(service, environment, version)
        except NotPossible as problem:
            raise ToolException(str(problem)) from problem
        before = "" if dropped == now else f", in place of {dropped.version}"
        sentence = f"{service} in {environment} is back on {now}{before}."
        return sentence, {"service": service, "version": version, "environment": environment}

    def get_status(service: Service) -> Result:
        """Say which release of a service runs in each environment."""
        return fleet.status(service), {"service": service}

    return [
        StructuredTool.from_function(
            function,
            args_schema=arguments,
            response_format="content_and_artifact",
            handle_tool_error=True,
            handle_validation_error=in_words,
        )
        for function, arguments in (
            (deploy_service, DeployService),
            (rollback_service, RollbackService),
            (get_status, GetStatus),
        )
    ]


def in_words(error: Exception) -> str:
    """Return the mistakes in the arguments, as `replicas: Input should be ...`."""
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors())


def review_of(fleet: Fleet) -> dict[str, bool | InterruptOnConfig]:
    """Return the tools that wait for a decision, and the text above their arguments."""

    def described(tool_call: ToolCall, state: AgentState[Any], runtime: Runtime[Any]) -> str:  # noqa: ARG001
        return f"{plainly(tool_call).capitalize()}. {running_now(fleet, tool_call['args'])}"

    # Not "respond": a response stands for the tool's success, and here it would say so of a deployment that never ran.
    gate = InterruptOnConfig(allowed_decisions=["approve", "edit", "reject"], description=described)
    return {"deploy_service": gate, "rollback_service": gate}


def running_now(fleet: Fleet, args: dict[str, Any]) -> str:
    """Return the release at the place of a call: a real model may name a place that does not exist."""
    try:
        place = RollbackService(service=args["service"], version="", environment=args["environment"])
    except (KeyError, ValidationError):
        return "No such place is known."
    return f"Running there now: {fleet.current(place.service, place.environment)}."


def build() -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return the agent with its fleet."""
    fleet = kept_fleet()
    return create_agent(
        chat_model(Operator(fleet)),
        tools=tools_for(fleet),
        system_prompt=INSTRUCTIONS,
        middleware=[HumanInTheLoopMiddleware(review_of(fleet))],
        name="deploy",
    )


graph = build()
