"""What cards say of people, times and outcomes: our own words, in trusted mrkdwn, and the notification's one line."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from adapters.blockkit import limits
from adapters.slack.drawing import evidence
from adapters.slack.drawing.markdown import parts_of, words_of
from adapters.slack.drawing.untrusted_text import clipped, mrkdwn, plain, pretty, visible
from engine.approvals.approval import GRANT_OF, Approval, Replaced, Review, State, Vote
from engine.asks.ask import Ask, Choice, Decision, Json, Kind
from engine.authority.parts import Part, Stage
from engine.authority.policy import CHANNEL, REQUESTER, OnExpiry, Policy
from engine.ids import UserId
from engine.machine import outcome_of
from engine.sentences.spoken import capitalized, moment, people, when

_MOST_NAMES = 20
_FEW_NAMES = 4
_NOTIFICATION = 600


@dataclass(frozen=True, slots=True)
class Words:
    """What a choice is called: on its button, and when it was made."""

    button: str
    made: str
    sign: str


_WORDS = {
    Choice.APPROVE: Words("Approve", "Approved", "✅"),
    Choice.EDIT: Words("Edit", "Approved with changes", "✅"),
    Choice.REJECT: Words("Reject", "Rejected", "⛔"),
    Choice.ANSWER: Words("Answer", "Answered", "💬"),
    Choice.SKIP: Words("Skip", "Skipped", "⏭️"),
    Choice.REDO: Words("Ask again", "Asked again", "🔁"),
    Choice.OPTION: Words("Choose", "Chosen", "☑️"),
}
_WORDS_OF_KINDS = {
    (Kind.QUESTION, Choice.SKIP): Words("Ignore", "Ignored", "⏭️"),
    (Kind.NOTICE, Choice.SKIP): Words("Got it", "Seen", "✔️"),
    (Kind.BREAKPOINT, Choice.APPROVE): Words("Continue", "Continued", "▶️"),
    (Kind.BREAKPOINT, Choice.EDIT): Words("Edit state", "Continued with changes", "▶️"),
    (Kind.BREAKPOINT, Choice.REJECT): Words("Stop", "Stopped", "⏹️"),
    (Kind.FAILURE, Choice.APPROVE): Words("Retry", "Retried", "🔁"),
    (Kind.FAILURE, Choice.REJECT): Words("Dismiss", "Dismissed", "⏹️"),
}


def words(kind: Kind, choice: Choice) -> Words:
    """What a choice is called where that kind of thing is asked."""
    return _WORDS_OF_KINDS.get((kind, choice), _WORDS[choice])


_OURS = frozenset(each.button.casefold() for each in (*_WORDS.values(), *_WORDS_OF_KINDS.values()))


def option_label(word: str) -> str:
    """A node's own word as a button; one that would pass for a button of ours stands in quotes."""
    shown = plain(word, limits.BUTTON_TEXT)
    return f"“{shown}”" if shown.casefold() in _OURS else shown


def words_label(asks_for: str) -> str:
    """What a node calls the words that go with a choice, as a label."""
    return plain(asks_for.replace("_", " ").strip().capitalize(), limits.BUTTON_TEXT)


def option_words(word: str) -> str:
    """A node's own word within a sentence of ours."""
    return f"*{one_line(word, limits.BUTTON_TEXT)}*"


def own_words(approval: Approval, index: int) -> str:
    """What the node calls the choices of our buttons, where it calls them something else."""
    action = approval.ask.actions[index]
    told = [
        f"{words(approval.ask.kind, choice).button} sends “{one_line(word, limits.BUTTON_TEXT)}”"
        for choice in action.choices
        if (word := (action.own_words or {}).get(choice.value))
    ]
    return " · ".join(told)


def names(users: Sequence[UserId], most: int = _MOST_NAMES) -> str:
    """Mentions, in the order given; beyond `most` people they are counted."""
    shown = ", ".join(f"<@{user}>" for user in users[:most])
    return shown if len(users) <= most else f"{shown} and {len(users) - most} more"


def one_line(text: str, at_most: int) -> str:
    """Untrusted words within markup of ours."""
    return mrkdwn(plain(text, at_most))


def speaker(approval: Approval) -> str:
    """Who asks. Untrusted: the graph names it."""
    return approval.ask.speaker or approval.agent


def is_markdown(ask: Ask) -> bool:
    """Whether its prompt is an agent's own words: those of an error and of a breakpoint are ours, and no Markdown."""
    return ask.kind not in (Kind.FAILURE, Kind.BREAKPOINT)


def title(approval: Approval) -> str:
    """The headline. Untrusted: it names tools."""
    asking, actions = approval.state is State.PENDING, approval.ask.actions
    match approval.ask.kind:
        case Kind.TOOL_CALL if len(actions) > 1:
            return f"Approve {len(actions)} actions?" if asking else f"{len(actions)} actions"
        case Kind.TOOL_CALL:
            return f"Approve {actions[0].name}?" if asking else actions[0].name
        case Kind.NOTICE | Kind.QUESTION if len(actions) == 1:
            return actions[0].name
        case Kind.NOTICE | Kind.QUESTION:
            return f"{len(actions)} {approval.ask.kind}s"
        case Kind.TEXT:
            return "Please review this text" if asking else "Text for review"
        case Kind.BREAKPOINT:
            return _step_question(approval) if asking else "Breakpoint"
        case Kind.FAILURE:
            return "The agent stopped"
        case _:
            return "Approval needed" if asking else "Approval request"


def is_titled(approval: Approval) -> bool:
    """Whether a headline stands above it: a question in words says itself what it is about."""
    ask = approval.ask
    return not ask.is_question or (ask.kind is Kind.QUESTION and not ask.prompt)


def _step_question(approval: Approval) -> str:
    """The question itself, where it is one that a headline holds."""
    prompt = approval.ask.prompt
    return prompt if prompt.endswith("?") and prompt == plain(prompt, limits.HEADER_TEXT) else "Continue?"


def requested(requester: UserId, via: str, *, strong: bool = True) -> str:
    """For whom an agent asks; `via` is untrusted."""
    name = one_line(via, 80)
    return f"Requested by <@{requester}> via {f'*{name}*' if strong else name}"


def able(approval: Approval, policy: Policy, most: int = _MOST_NAMES) -> str:
    """The people who can decide, in words that hold for everybody who reads them."""
    if len(policy.parts) == 1:
        return _of_part(approval, policy, policy.parts[0], most)
    return ", then ".join(_of_stage(approval, policy, stage, most) for stage in policy.stages)


def _of_stage(approval: Approval, policy: Policy, stage: Stage, most: int) -> str:
    """How many of whom: `one of @ann, @bob and 2 members of @payments`."""
    return " and ".join(_so_many(part.quorum, _of_part(approval, policy, part, most)) for part in stage)


def _so_many(quorum: int, people: str) -> str:
    """So many of these people, who are named in words of `_of_part`."""
    alone = " or " not in people and ", " not in people and " and " not in people
    if alone and quorum == 1 and not people.startswith("members of "):
        return people
    if alone and people.startswith("members of "):
        return f"{'a member' if quorum == 1 else f'{quorum} members'} of {people.removeprefix('members of ')}"
    return f"{'one' if quorum == 1 else quorum} of {people}"


def _of_part(approval: Approval, policy: Policy, part: Part, most: int) -> str:
    users = sorted(part.named - (frozenset() if policy.own_requests else {approval.requester}))
    others = evidence.sources(part.sources)
    told = [names(users, most)] if users and not approval.names_nobody_yet else []
    told += [others] if others else []
    if users and approval.names_nobody_yet:
        told.append(f"{len(users)} {'person' if len(users) == 1 else 'people'} whom the rule names")
    if CHANNEL in part.sources:
        told.append(_of_channel(approval, policy))
    if REQUESTER in part.sources:
        told.append(f"<@{approval.requester}>")
    return " or ".join(told) or "nobody"


def _of_channel(approval: Approval, policy: Policy) -> str:
    elsewhere = approval.place.channel != approval.home.channel
    member = f"any member of <#{approval.home.channel}>" if elsewhere else "any channel member"
    return member if policy.own_requests else f"{member} except the requester"


def who_decides(approval: Approval, policy: Policy, most: int = _MOST_NAMES) -> str:
    """Who can decide, as a sentence of a card's small print."""
    ask, who = approval.ask, able(approval, policy, most)
    can_approve = any(Choice.APPROVE in action.choices for action in ask.actions)
    decide = _DOES.get(ask.kind) or ("answer" if ask.is_question else "approve" if can_approve else "decide")
    if policy.is_requesters:
        return f"Only {who} can {decide}"
    if policy.sources != (CHANNEL,) and decide in ("approve", "decide"):
        return f"Approvers: {who}"
    return f"{capitalized(who)} can {decide}"


_DOES = {Kind.FAILURE: "retry", Kind.NOTICE: "mark this as seen"}

NO_DEADLINE = "No deadline"
UNGUARDED = "Runs on a LangGraph Server: a change after approval can't be detected."


def changed_since(replaced: Replaced) -> str:
    """Why a request is asked a second time."""
    how = f"{people(replaced.by)} {replaced.outcome} it" if replaced.by else f"it was {replaced.outcome}"
    return (
        f"⚠️ *The agent changed its request after {how}.* Nothing was run. Please look at the changes and decide again."
    )


def votes(approval: Approval, index: int, most: int = _MOST_NAMES) -> str:
    """How far it is: `1 of 2 approvals: @alice`; nothing where one person decides."""
    review = approval.reviews[index]
    told = [_approvals(approval, index, most), evidence.stages(review, most), evidence.rejections(review, most)]
    return " · ".join(each for each in told if each)


def _approvals(approval: Approval, index: int, most: int) -> str:
    review, approves = approval.reviews[index], Choice.APPROVE in approval.ask.actions[index].choices
    if review.policy.quorum < 2:  # noqa: PLR2004 - one approval decides
        return ""
    so_far: dict[str, list[Vote]] = {}
    for vote in review.votes:
        if vote.choice is not Choice.REJECT:
            so_far.setdefault(_counted_as(vote), []).append(vote)
    told = [
        f"{len(votes)} of {review.policy.quorum} {what}: {evidence.voters(review, votes, most)}"
        for what, votes in so_far.items()
    ]
    return " · ".join(told) or f"0 of {review.policy.quorum} {'approvals' if approves else 'votes'}"


def authority(approval: Approval, known: str = "") -> Iterable[str]:
    """Who was called, who looks at it, and what the clocks do; `known` is what the same small print says of people."""
    yield evidence.escalation(approval.reviews)
    yield from attended(approval)
    yield evidence.called([approval], known)
    yield from evidence.not_called([approval])
    yield deadline(approval)
    yield evidence.hours(approval)


def _counted_as(vote: Vote) -> str:
    match vote.choice:
        case Choice.APPROVE | Choice.EDIT:
            return "approvals"
        case Choice.OPTION:
            return f"for {option_words(vote.option)}"
        case _:
            return f"for {_WORDS[vote.choice].button}"


def deadline(approval: Approval) -> str:
    """What happens when nobody decides, and when. It is never asked for long what becomes of a failure or a notice."""
    if approval.expires_at is None:
        return "" if approval.ask.kind in (Kind.FAILURE, Kind.NOTICE) else NO_DEADLINE
    if approval.deadlines.on_expiry is OnExpiry.ESCALATE and approval.escalates_at is not None:
        return f"More people are asked {when(approval.expires_at)} if nobody {_verb(approval)}"
    rejects = approval.deadlines.on_expiry is not OnExpiry.FAIL and can_be_rejected(approval)
    then = "Rejected automatically" if rejects else "The run stops"
    return f"{then} {when(approval.expires_at)} if nobody {_verb(approval)}"


def attended(approval: Approval) -> Iterable[str]:
    """Who looks at a pending request, and whom it was handed over to."""
    if approval.looking:
        last = approval.looking[-1]
        yield f"<@{last.by}> is looking at this: no reminders until {moment(last.until)}"
    if approval.handed_to is not None:
        yield f"Handed over to <@{approval.handed_to}>"


def span(length: timedelta) -> str:
    """A length of time on a button: `1 h`, `90 min`, `2 days`."""
    minutes = max(1, round(length / timedelta(minutes=1)))
    if minutes % (24 * 60) == 0:
        days = minutes // (24 * 60)
        return "1 day" if days == 1 else f"{days} days"
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"


def allows(approval: Approval, index: int) -> str:
    """What an approval with a grant allows. Untrusted: it names the tool and its arguments, for plain text."""
    terms, name = approval.reviews[index].policy.grants, approval.ask.actions[index].name
    if terms is None:
        return ""
    like = f"the same {' and '.join(terms.fields)}" if terms.fields else "exactly these arguments"
    return (
        f"This approves the call. For {span(terms.lasts)}, {plain(name, 60)} runs in this conversation without asking "
        f"when it has {plain(like, 100)}."
    )


def allowed(review: Review) -> str:
    """What was allowed with an approval, and whether it was taken back; or nothing."""
    if review.allowed_until is None:
        return ""
    if review.revoked_by is not None:
        return f"<@{review.revoked_by}> revoked the permission for calls like this"
    terms = review.policy.grants
    fields = f" with the same {one_line(' and '.join(terms.fields), 100)}" if terms and terms.fields else ""
    return f"Calls like this{fields} are allowed in this conversation until {moment(review.allowed_until)}"


def _verb(approval: Approval) -> str:
    return "answers" if approval.ask.is_question else "decides"


def can_be_rejected(approval: Approval) -> bool:
    """Whether each open action takes a rejection; `engine.machine` expires the others."""
    open_ones = zip(approval.ask.actions, approval.reviews, strict=True)
    return all(Choice.REJECT in action.choices for action, review in open_ones if review.decision is None)


def decided(kind: Kind, review: Review, decision: Decision, most: int = _MOST_NAMES) -> str:
    """Who decided an action, and when. A rejection that nobody voted for is an expiry."""
    made = words(kind, decision.choice)
    at = f" {when(review.decided_at)}" if review.decided_at else ""
    if review.automatic.startswith(GRANT_OF):
        return f"{made.sign} Allowed by {_possessive(review.automatic.removeprefix(GRANT_OF))}"
    if review.automatic:
        return f"{made.sign} {made.made} automatically by {review.automatic}{at}"
    if not review.deciders:
        by = f" by {moment(review.decided_at)}" if review.decided_at else ""
        return f"⌛ Nobody decided{by}: {made.made.lower()} automatically"
    option = f": {option_words(decision.option)}" if decision.choice is Choice.OPTION else ""
    return f"{made.sign} {made.made} by {evidence.deciders(review, decision, most)}{at}{option}"


def _possessive(grant: str) -> str:
    """`@alice's grant until ...`."""
    person, space, until = grant.partition(" ")
    return f"{person}'s grant{space}{until}"


def outcome(approval: Approval) -> str:
    """How the whole ended: one line; empty while it is pending."""
    at = f" {when(approval.closed_at)}" if approval.closed_at else ""
    match approval.state:
        case State.PENDING:
            return ""
        case State.EXPIRED:
            return f"⌛ {_nobody(approval)}: the run was stopped"
        case State.WITHDRAWN:
            return f"↩️ Withdrawn{at}"
        case State.STOPPED if approval.withdrawn_by is not None:
            return f"↩️ Withdrawn by <@{approval.withdrawn_by}>{at}"
        case State.STOPPED if (stopping := approval.stopping) is not None and stopping.decision is not None:
            return decided(approval.ask.kind, stopping, stopping.decision)
        case State.UNDELIVERABLE:
            option = next((each.decision.option for each in approval.reviews if each.decision), "")
            told = f": {option_words(option)}" if option and len(approval.reviews) == 1 else ""
            how = f"by {names(approval.deciders)}" if approval.deciders else "automatically"
            return f"⚠️ {outcome_of(approval).capitalize()} {how}, but not delivered{told}"
        case _:
            return _decided_as_a_whole(approval, at)


def _decided_as_a_whole(approval: Approval, at: str) -> str:
    first = approval.reviews[0]
    if len(approval.reviews) == 1 and first.decision is not None:
        return decided(approval.ask.kind, first, first.decision)
    if any(each.decision and not each.deciders and not each.automatic for each in approval.reviews):
        return f"⌛ {_nobody(approval)}: the rest was rejected automatically"
    word = outcome_of(approval)
    sign = {"approved": "✅", "rejected": "⛔"}.get(word, "☑️")
    by = f"by {names(approval.deciders)}" if approval.deciders else "automatically"
    return f"{sign} {word.capitalize()} {by}{at}"


def _nobody(approval: Approval) -> str:
    by = f" by {moment(approval.closed_at)}" if approval.closed_at else " in time"
    if any(review.deciders for review in approval.reviews):
        return f"Not everything was decided{by}"
    return f"Nobody {'answered' if approval.ask.is_question else 'decided'}{by}"


# Notifications --------------------------------------------------------------------------------------------------------


def headline(approval: Approval, at_most: int) -> str:
    """What is asked, or was, in one line of trusted mrkdwn."""
    return one_line(_about(approval), at_most)


def summary(approval: Approval) -> str:
    """The message's `text`: what notifications and screen readers get. It is markup, so all of it is escaped."""
    about, ended = _about(approval), outcome(approval)
    if not ended:
        return " · ".join(each for each in _asked(approval, one_line(about, _NOTIFICATION)) if each)
    reasons = [each.decision.text for each in approval.reviews if each.decision and each.decision.text]
    reason = f": {one_line(' '.join([*reasons, approval.note]).strip(), 300)}" if reasons or approval.note else ""
    return f"{one_line(about, 200)} - {ended}{reason}"


def _asked(approval: Approval, about: str) -> Iterable[str]:
    """Who asks what of whom, and until when."""
    policies = [review.governing for review in approval.reviews if review.decision is None]
    whom = ", ".join(dict.fromkeys(able(approval, each, _FEW_NAMES) for each in policies))
    if approval.ask.kind is Kind.FAILURE:
        yield f"{one_line(speaker(approval), 80)} stopped: {about}"
        yield who_decides(approval, policies[0], _FEW_NAMES)
    elif approval.ask.kind is Kind.NOTICE:
        yield f"{one_line(speaker(approval), 80)} tells {whom}: {about}"
    elif approval.ask.is_question:
        yield f"{one_line(speaker(approval), 80)} asks {whom}: {about}"
    else:
        yield f"Approval needed from {whom}: {about}"
        yield requested(approval.requester, speaker(approval), strong=False)
    yield evidence.called([approval], whom)
    if approval.expires_at is not None:
        yield deadline(approval)


def about(approval: Approval) -> str:
    """What is asked in one line."""
    return one_line(_about(approval), 200)


def _about(approval: Approval) -> str:
    """What is asked in one line, untrusted: `Approve send_email? (to: x@y.z)`."""
    ask, asking = approval.ask, approval.state is State.PENDING
    prompt = _words(ask.prompt) if is_markdown(ask) else ask.prompt
    pairs = list(zip(ask.actions, approval.reviews, strict=True))
    if len(pairs) > 1:
        told = "; ".join(_with_values(action.name, review.value, ask.prompt) for action, review in pairs)
        return f"{prompt or title(approval)} {told}"
    (action, review) = pairs[0]
    if ask.kind is Kind.NOTICE:
        head = _words(action.description) or action.name
    elif ask.kind is Kind.TOOL_CALL:
        head = f"Approve {action.name}?" if asking else action.name
    else:
        head = prompt or (_words(action.description) or action.name if ask.is_question else title(approval))
    return head if ask.is_question else _with_values(head, review.value, ask.prompt)


def _words(text: str) -> str:
    """A text in Markdown without its markup; the rest of a long one is not read."""
    return words_of(parts_of(visible(text[: 2 * _NOTIFICATION])))


def _with_values(head: str, value: Json, prompt: str) -> str:
    """A headline with the values in brackets; a prompt that is among them is not repeated."""
    listed = value.items() if isinstance(value, dict) else [("", value)]
    told = [f"{name}: {_short(each)}" if name else _short(each) for name, each in listed if each not in (None, prompt)]
    return f"{head} ({' · '.join(told)})" if any(told) else head


def _short(value: Json) -> str:
    return clipped(" ".join(pretty(value).split()), 60)
