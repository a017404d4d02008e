"""Judges which kind of answer a sentence asks for: a decision, words, or unclear.

It settles two things. Who answers: approvers decide everything that may be a decision, and only a sentence that asks
for words goes to the person whose conversation it is. And, for a node without known code, which word the sentence tells
people to send: "(yes/no)" names "yes", "Type APPROVE to go on" names "APPROVE". Words never show which answer makes a
node act: see `adapters.langgraph.reading`. So no sentence names a word to reject with: the node behind "(y/n)" may test
whether there is any answer at all, and would go ahead on "n".

When in doubt it is a decision: a question taken for a decision waits for an approver, but a decision taken for a
question would be approved by the requester alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from adapters.langgraph.reading.answers.signs import NO_ELSEWHERE, YES_ELSEWHERE
from engine.asks.ask import Json

_MOST_BEFORE, _MOST_AFTER = 1_000, 3_000
"""The characters that are read of a long text: its beginning, and its end, where the question is."""

# fmt: off
_YES = frozenset((
    "yes", "y", "yep", "ok", "okay", "true", "approve", "approved", "accept", "confirm", "allow", "o", "j", "s", "д",
    "예", "네", *YES_ELSEWHERE,
))
_NO = frozenset((
    "no", "n", "nope", "false", "reject", "rejected", "deny", "denied", "decline", "refuse", "disallow", "nao", "н",
    "不同意", "아니오", "아니요", *NO_ELSEWHERE,
))
_GO = frozenset((
    "proceed", "continue", "go", "run", "execute", "ship", "send", "publish", "deploy", "apply", "keep", "retry",
))
_HALT = frozenset(("stop", "cancel", "abort", "skip", "hold", "edit", "modify", "revise", "change", "drop", "no-go"))
_VERDICTS = frozenset(("approve", "approved", "accept", "reject", "rejected", "deny", "decline", "disapprove"))
_HALTING = frozenset(("stop", "cancel", "abort", "reject", "deny", "decline", "refuse", "block"))
_ENDING = frozenset(("end", "exit", "quit", "finish", "leave", "skip"))
# fmt: on
_VERBS = (
    "approve|confirm|accept|allow|authori[sz]e|permit|acknowledge|proceed|continue|go|delete|remove|drop|erase|wipe|"
    "destroy|overwrite|send|deploy|pay|refund|execute|publish|cancel|merge|submit|buy|purchase|sell|install|terminate|"
    "kill|disable|enable|migrate|revoke|apply|create|restart|reboot|roll ?back|commit|rename|upload|perform|"
    "launch|give|grant|add"
)
_NOUNS_TOO = (
    "start|stop|order|post|book|ship|run|email|mail|update|release|charge|transfer|wire|close|open|write|archive|"
    "push|pull|change|replace|schedule|fund|call|try|sync|set|make|print|export|import|move|reset|trigger|"
    "save|use|keep|do|let"
)
"""Verbs that are also nouns, as in "Start date?": they count only if an object follows."""
_OBJECT = (
    r"(?:it|this|that|these|those|them|the|a|an|all|every|everything|my|your|our|his|her|their|now|to|for|with|from|on|"
    r"anyway|again|ahead|and|\W*\d|[\w.]*[_\d/.@-][\w.@/-]*|\W+['\"`])"
)
_ELSEWHERE = (
    r"approuve[rz]?|confirme[rz]?|continuer|poursuivre|supprime[rz]?|valide[rz]?|autorise[rz]?|ex[ée]cute[rz]?|envoyer|"
    r"proc[ée]der|d[ée]ployer|genehmigen|best[äa]tigen|fortfahren|fortsetzen|weitermachen|l[öo]schen|ausf[üu]hren|"
    r"freigeben|senden|ver[öo]ffentlichen|erlauben|zulassen|aprobar|aprueba[sn]?|confirma[rsn]?|continuar|eliminar|"
    r"borrar|ejecutar|autoriza[rsn]?|proceder|prosseguir|enviar|aprova[rs]?|excluir|executar|approvare|confermare|"
    r"continuare|procedere|eliminare|eseguire|inviare|одобр\w+|подтверд\w+|продолж\w+|удал\w+|выполн\w+|разреш\w+|"
    r"批准|同意|确认|继续|执行|删除|允许|通过|发送|部署|提交|承認|実行|削除|続行|許可|送信|公開|승인|진행|삭제|실행|허용|계속"
)
_WHICH = (
    r"which|what|who|whom|whose|where|when|why|how|quel(?:le)?s?|pourquoi|comment|combien|quand|welche[rsnm]?|was|wer|"
    r"wie|wann|warum|wohin|qu[ée]|cu[áa]l(?:es)?|c[óo]mo|cu[áa]ndo|d[óo]nde|qual|quais|quando|dove|come|quanti|как\w*|"
    r"что|где|когда|почему"
)
_MAY = r"(?:is|are|do|does|did|can|could|may|should|shall|will|would|have|has|am)\b"
_OFFER = (
    r"(?:do you want (?:me |us )?to|would you like (?:me|us) to|want me to|do you wish to|shall (?:i|we)|"
    r"should (?:i|we)|may (?:i|we)|can (?:i|we)|could (?:i|we)|am i allowed to|"
    r"(?:is it )?(?:ok|okay|fine|safe|ready)(?: for me)? to|"
    r"is it (?:ok|okay|fine|alright) (?:if|to|for)(?: (?:i|we|me|us))?(?: to)?)\s+(?:please\s+)?"
)
_AGREE = "(?:approve|agree|confirm|consent|authori[sz]e|accept|allow|permit|sign)"
_GOOD = "(?:ok|okay|correct|right|fine|acceptable|approved|alright|look good|looks good|good to go)"
_ASKS_TO_AGREE = r"(?:approv\w+|authori[sz]\w+|permission|consent|confirm\w*|go ahead|proceed|sign.?off)"
_DECISIONS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_OFFER}(?:{_VERBS}|{_NOUNS_TOO})\b",
        rf"(?:{_VERBS})\b(?!\s+(?:(?:what|which|who|where)\W*$|(?:me|us|any\w*)\b))",
        rf"(?:{_NOUNS_TOO})(?:\s+{_OBJECT}|\W*$)",
        rf"{_MAY}\s+(?:you|they|we|everybody|\w+)\s+(?:please\s+)?{_AGREE}\b",
        r"are you (?:really |absolutely |quite )?(?:sure|certain|satisfied|happy|ok|okay)\b",
        rf"{_MAY}.*\b{_GOOD}\W*$",
        r"(?:ok|okay|sure|ready|correct|agreed|approved|understood|all good|good to go|proceeding|lgtm)\W*$",
        rf"{_MAY}.*\b{_ASKS_TO_AGREE}\b",
    )
)
"""Beginnings of a question that asks to do something, or to agree."""
_DECISION_ELSEWHERE = re.compile(rf"(?:\b|(?<=[^\x00-\x7f]))(?:{_ELSEWHERE})", re.IGNORECASE)
_LEAVE = r"\b(?:approval|authori[sz]ation|permission|sign-?off|go-?ahead|confirmation)\b"
_STATED = re.compile(
    r"(?:please\s+)?(?:approve|authori[sz]e"
    r"|(?:confirm|acknowledge)(?!\s+(?:your|which|what|who|when|where|how|whether)\b))\s+\S"
    rf"|.*{_LEAVE}.*\b(?:required|needed|awaited|pending)\b"
    rf"|.*\b(?:await|awaiting|waiting for|needs?|requires?|request(?:ing|s)?|asks? for)\b.*{_LEAVE}",
    re.IGNORECASE | re.DOTALL,
)
"""A request for approval that is no question."""
_FOR_WORDS = re.compile(
    r"(?:please\s+|kindly\s+|could you\s+|can you\s+)*(?:provide|enter|describe|specify|type|input|fill|choose|pick|"
    r"select|state|list|explain|clarify|answer|(?:give|tell|write|share|name|send|show)\s+(?:me|us|your|a|one))\b",
    re.IGNORECASE,
)
_WHICH_ONE = re.compile(
    rf"(?:{_WHICH})\b|.*\b(?:{_WHICH})\W*$|.*[哪何]|.*什么|.*(?:어떤|무슨|どの|どこ|いつ)", re.IGNORECASE
)
_EITHER = re.compile(r"\b(?:or|oder|ou)\b|还是|または", re.IGNORECASE)
_END = re.compile(r"[.!。！\n]")
_QUESTION = re.compile(r"[^.!?。！？\n]*(?:\.(?=\w)[^.!?。！？\n]*)*[?？]")
_TRAILER = re.compile(r"[(\[（【][^()\[\]（）【】]*[)\]）】]\s*:?\s*$")
_LEAD = re.compile(r"(?:\W|\b(?:so|ok|okay|well|and|then|please|now|kindly)\b(?=.*\w))*", re.IGNORECASE)

_QUOTES = "\"'`“”‘’«»「」"
_ONE = rf"[{_QUOTES}]?[\w-]+[{_QUOTES}]?"
_OR = r"(?:/|\||,\s*or\b|,|\bor\b|\boder\b|\bou\b|或者?|还是|または)"
_GROUP = re.compile(rf"{_ONE}(?:\s*{_OR}\s*{_ONE})+", re.IGNORECASE)
_OR_CLEARLY = re.compile(r"/|\||\b(?:or|oder|ou)\b|或|还是|または", re.IGNORECASE)
_TOKEN = re.compile(r"[\w-]+")
_LETTER = re.compile(r"[(\[](\w)[)\]](?=\w)")
"""`(A)pprove` is another spelling of approve."""
_TOLD = re.compile(
    r"\b(?:reply|respond|answer|type|enter|write|say|pass|send|input|resume|return|provide|submit)"
    r"(?:\s+(?:with|back|in|the|word|either|only|just|exactly))*\s*:?\s*"
    rf"(?P<quote>[{_QUOTES}])?(?P<word>[\w-]+)[{_QUOTES}]?"
    r"(?:\s*(?:,|and|in order)?\s*(?:to|if you)\s+(?P<purpose>\w+))?",
    re.IGNORECASE,
)
_PURPOSE = re.compile(rf"{_VERBS}|{_NOUNS_TOO}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sentence:
    """The kind of answer that a sentence asks for. `names` is the word to send to go ahead; None if it names none."""

    decides: bool = False
    wants_words: bool = False
    """Yes or no is no answer to it."""
    names: Json = None


def judge(text: str) -> Sentence:
    """Judge which kind of answer a sentence asks for."""
    text = _LETTER.sub(r"\1", _beginning_and_end(text.strip()))
    told = [*_instructions(text), *_alternatives(text)]
    if told:
        return Sentence(decides=True, names=next((each for each in told if each is not None), None))
    question = _last_question(text)
    return _of_statement(text) if question is None else _of_question(question)


def names_a_verdict(word: str) -> bool:
    """Tell whether a word alone answers a request for approval, in one of the languages known here."""
    return word.strip().lower() in _YES | _NO | _VERDICTS


def _beginning_and_end(text: str) -> str:
    if len(text) <= _MOST_BEFORE + _MOST_AFTER:
        return text
    return f"{text[:_MOST_BEFORE]}\n{text[-_MOST_AFTER:]}"


def _last_question(text: str) -> str | None:
    found = _QUESTION.findall(_TRAILER.sub("", text))
    return _LEAD.sub("", found[-1], count=1) if found else None


def _of_question(question: str) -> Sentence:
    if _WHICH_ONE.match(question) or _FOR_WORDS.match(question):
        return Sentence(wants_words=True)
    if _EITHER.search(question) and not _VERDICTS.intersection(_TOKEN.findall(question.lower())):
        return Sentence()
    english = any(pattern.match(question) for pattern in _DECISIONS)
    return Sentence(decides=english or _DECISION_ELSEWHERE.search(question) is not None)


def _of_statement(text: str) -> Sentence:
    if _STATED.match(text):
        return Sentence(decides=True)
    stated = [each.strip() for each in _END.split(text) if each.strip()]
    return Sentence(wants_words=any(_FOR_WORDS.match(each) for each in (*stated[:1], *stated[-1:])))


# What it tells people to send -----------------------------------------------------------------------------------------


def _alternatives(text: str) -> Iterator[Json]:
    """Find the word that goes ahead in each group like "yes/no" or "approve, reject or edit"; None if unclear."""
    for group in _GROUP.findall(text):
        words = _TOKEN.findall(group)
        small = {each.lower() for each in words}
        if not _OR_CLEARLY.search(group) or (_are_letters(small) and "?" not in text):
            continue
        yes, no = [each for each in words if each.lower() in _YES], small & _NO
        if (yes and no) or small & _VERDICTS:
            yield _spelled(yes[0], words) if yes and no else None
        elif (yes or small & _GO) and (no or small & _HALT):
            yield None


def _are_letters(small: set[str]) -> bool:
    """Tell whether letters may be something other than a choice: S/N is a serial number."""
    return all(len(each) == 1 for each in small) and "y" not in small


def _spelled(word: str, words: list[str]) -> str:
    """Spell a word as people type it: in `[Y/n]` the capital only marks the default."""
    marked = len(word) == 1 and any(each.islower() for each in words if each != word)
    return word.lower() if marked else word


def _instructions(text: str) -> Iterator[Json]:
    """Find the word that goes ahead in each "Type yes to approve"; None if unclear."""
    for found in _TOLD.finditer(text):
        word, purpose = found["word"], (found["purpose"] or "").lower()
        small, quoted = word.lower(), found["quote"] is not None
        verdict = names_a_verdict(word)
        if not (quoted or verdict or (word.isupper() and len(word) > 1)):
            continue
        halts = purpose in _HALTING
        goes = _PURPOSE.fullmatch(purpose) is not None and not halts and purpose not in _ENDING
        if verdict or goes or halts:
            ahead = (small in _YES and (not halts or purpose == "cancel")) or (goes and small not in _NO)
            yield _bare_value(word, quoted=quoted) if ahead else None


def _bare_value(word: str, *, quoted: bool) -> Json:
    """Read a bare word: True is Python's, but true may be a text or a truth value."""
    if quoted or word.lower() != "true":
        return word
    return True if word == "True" else None
