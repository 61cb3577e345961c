"""What mail systems write to people about a message that was not delivered, in the languages they write in. Pure.

Ordinary mail uses these words too, so none of them decides alone: signs.py weighs them.
"""

import re


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_IN_LATIN_LETTERS = (
    # German, Dutch, Scandinavian languages, Finnish
    r"unzustellbar", r"nicht zu(?:stellbar|gestellt)", r"onbestelbaar", r"niet (?:bezorgd|afgeleverd|besteld)",
    r"kan inte levere", r"kunde inte levere", r"(?:kan|kunne|blev) ikke lever", r"ikke lever(?:et|t)\b",
    r"ei voi(?:tu|da)? toimittaa", r"perille toimittaminen epäonnistui",
    # French, Italian, Spanish, Portuguese, Romanian
    r"non (?:remis|distribu|d[ée]livr)", r"[ée]chec (?:de (?:la )?)?(?:remise|distribution|livraison)",
    r"(?:mancat[oa]|impossibile il) (?:recapito|consegna)", r"recapito non riuscito", r"non recapitabile",
    r"no se (?:ha podido|puede|pudo|pueden?) entregar", r"no entregado", r"no se entreg[óo]", r"error de entrega",
    r"falha (?:na|de|ao) entrega", r"n[ãa]o (?:foi )?entregue", r"n[ãa]o [ée] poss[íi]vel entregar",
    r"nelivrabil", r"nu (?:a|s-a|au) putut fi livrat",
    # Polish, Czech, Slovak, Croatian, Slovenian, Hungarian, Turkish, Vietnamese, Indonesian
    r"niedostarcz", r"nie (?:mo[żz]na|uda[łl]o si[ęe]) dostarczy[ćc]", r"nedoru[čc]", r"neisporu[čc]",
    r"ni bilo mogo[čc]e dostaviti", r"k[ée]zbes[íi]thetetlen", r"sikertelen k[ée]zbes[íi]t[ée]s",
    r"nem k[ée]zbes[íi]thet", r"teslim edileme", r"không (?:gửi|thể gửi) được", r"không thể gửi",
    r"tidak (?:terkirim|dapat (?:di)?kirim)",
)  # fmt: skip
_IN_OTHER_SCRIPTS = _any_of(
    # Greek
    r"αποτυχία παράδοσης", r"δεν (?:παραδόθηκε|ήταν δυνατή η παράδοση)", r"μη παραδο",
    # Russian, Ukrainian, Bulgarian
    r"не доставл", r"недостав", r"не уда(?:лось|[её]тся) доставить", r"неможливо доставити",
    r"не може да бъде доставен",
    # Japanese, Chinese, Korean
    r"配信(?:不能|エラー|でき|され)", r"送信(?:エラー|でき|失敗|に失敗)", r"未配信",
    r"配達(?:不能|エラー|でき)", r"不達", r"届け(?:でき|られ)",
    r"退信", r"退件", r"投递(?:失败|错误)", r"(?:传输|发送|傳送|寄件)失[败敗]",
    r"(?:无法|未能?|不能)(?:送达|投递|传递|发送)", r"(?:無法|未能?)(?:傳遞|投遞|送達|寄達)",
    r"반송", r"(?:전송|배달|전달) ?실패", r"(?:배달|전달)(?:되지 않|할 수 없|하지 못)",
    # Hebrew, Arabic, Thai
    r"לא (?:ניתן למסירה|נמסר)", r"(?:تعذر|فشل) (?:تسليم|التسليم)", r"غير قابل للتسليم", r"ไม่สามารถส่ง",
)  # fmt: skip
_SUBJECT = _any_of(
    # English
    r"undeliver", r"failure notice", r"failure delivery", r"non-?\s?deliver", r"\bndrs?\b", r"\bndn\b",
    r"delivery (?:status )?(?:notification|warning|failure|failed|problem|error|delay|report|has failed|incomplete)",
    r"delivery (?:was |is )?unsuccess",
    r"(?:mail|message|e-mail) delivery (?:fail|error|problem|system)", r"delivery (?:of|to) .{0,60}(?:fail|delay)",
    r"return(?:ed|ing) (?:mail|message|e-?mail|to (?:the )?sender)", r"failed (?:mail|message|delivery)",
    r"(?:mail|message|e-?mail)(?: was| has been| is)? (?:failed|failure|error|not (?:been )?(?:delivered|sent)"
    r"|returned|undelivered|bounced|delayed|rejected|refused|blocked)",
    r"not (?:be |been |yet been )?(?:deliver|sent)", r"could ?n[o']t (?:be )?(?:deliver|send)", r"unable to deliver",
    r"warning.{0,30}(?:delay|not send|not be|undeliver|could not)", r"delayed (?:mail|message|\d+)",
    r"still being retried", r"rejected mail", r"error sending", r"problem delivering", r"blocked message",
    # And in other languages what only subjects say
    r"zustellung\w*(?: ist)? (?:fehlgeschlagen|nicht m[öo]glich)", r"impossibile (?:recapitare|consegnare)",
    r"n[ãa]o (?:foi )?poss[íi]vel", r"odrzucon", r"nie (?:mo[żz]na|dostarczono|dor[ęe]cz)", r"возвращ",
    r"エラー(?:メール|通知)", r"メール(?:送信)?エラー",
    *_IN_LATIN_LETTERS,
)  # fmt: skip
_DELIVERY = _any_of(
    # English
    r"(?:message|mail|e-?mail|letter|it|recipients?|address(?:es)?|following|delivery)\b[^.\n]{0,100}?(?:could|can|was"
    r"|were|has|have|did|would|will)\s?(?:not|n.t)\s+(?:yet\s+)?(?:be(?:en)?\s+)?(?:deliver|reach|sent\b|receive|accept"
    r"|relayed)",
    r"(?:unable|not able|wasn.t able|weren.t able|couldn.t|could not|cannot|failed|impossible|trouble|error|problem"
    r"|difficult\w{0,5})\s+(?:to\s+)?(?:be\s+)?(?:deliver|sending your|send (?:your|the)|rout)",
    r"deliver(?:y|ed|ing)\b[^.\n]{0,100}?(?:fail|problem|abort|error|delayed|rejected|refused|impossible|unsuccessful"
    r"|not possible)", r"has been (?:postponed|delayed|deferred)",
    r"undeliver(?:ed|able)", r"did not reach", r"not (?:yet )?(?:been )?delivered", r"returned to (?:the )?sender",
    r"following address(?:es)?[^.\n]{0,60}(?:fail|error|problem|reject)", r"non-?deliver", r"mail system error",
    r"address(?:es)? had (?:permanent|transient|delivery)", r"permanent (?:fatal )?(?:error|fail)", r"fatal error",
    r"transcript of (?:the )?session", r"did not like our", r"delivery (?:attempts|errors?)",
    r"(?:mail|message|email)[^.\n]{0,40}(?:rejected|refused|blocked|bounced|returned)", r"rejected (?:by|your|the)",
    r"error_code", r"smtp error", r"remote host said", r"server message", r"remote server returned",
    r"returned the following", r"had (?:delivery )?(?:errors|problems)", r"can ?not be (?:found|delivered|reached)",
    # Languages that put their word for "not" before the verb
    r"nicht ausgeliefert", r"n.a (?:pas )?pu [êe]tre",
    r"\b(?:no|non|n[ãa]o|nie|niet|ne|kan inte|ikke)\b[^.\n]{0,60}(?:entreg|recapit|consegn|remis|distribu|dostarcz"
    r"|bezorg|leverer|doru[čc]|livr)",
    r"не (?:был[оа]? |может быть |удалось )?доставл", r"доставить",  # noqa: RUF001 - Russian
    r"無法", r"退回", r"投递",
    *_IN_LATIN_LETTERS,
)  # fmt: skip
_CAUSE = _any_of(
    r"(?:recipient|address|mailbox|user|account|host|domain|inbox)\w{0,8}\b[^.\n]{0,60}?(?:unknown"
    r"|not (?:be )?(?:found|exist|known|recogni[sz]ed|listed|available|valid|local)"
    r"|do(?:es)?(?: not|n.t) exist|disabled|unavailable|full"
    r"|over quota|exceed|invalid|inactive|suspended|unreachable|no longer)",
    r"(?:unknown|invalid|no such|bad|unrout\w{0,5}|non-?existent|incorrect|wrong) (?:local |e-?mail |host |smtp )?"
    r"(?:user|recipient|mailbox|address|domain|host|account)",
    r"over quota", r"full (?:mailbox|inbox)", r"quota exceeded", r"exceed(?:ed)?[^.\n]{0,30}(?:quota|limit|storage)",
    r"too many hops",
    r"relay(?:ing)? (?:access )?denied", r"connection (?:timed out|refused)", r"no mx record",
    r"not accept\w{0,3} mail", r"not an? valid (?:user|recipient|mailbox|address|e-?mail)",
    r"spam", r"blacklist", r"queued? (?:too long|period)", r"recipient name is not",
)  # fmt: skip
_NOBODY = _any_of(
    r"(?:user|recipient|mailbox|address|account)[^.\n]{0,40}(?:unknown|not (?:be )?found|does(?: not|n.t) exist)",
    r"(?:unknown|no such|invalid|non-?existent) (?:local )?(?:user|recipient|mailbox|address|account)",
    r"no (?:user|mailbox|account)[^.\n]{0,20} (?:by|with|of) that name",
)
_WAITING = _any_of(
    r"this is (?:only )?a (?:temporary|delay)", r"delay(?:ed)? (?:message|mail|\d|delivery|notif)",
    r"message (?:is |has been |was )?(?:\S{1,60} )?delayed", r"delivery[^.\n]{0,40}delayed",
    r"not yet (?:been )?deliver",
    r"has not been (?:able|delivered|collected)[^.\n]{0,80}(?:hours|minutes|yet|so far)",
    r"will (?:be retried|keep trying|continue (?:to )?(?:try|attempt|be)|retry|be attempted|try again)",
    r"still (?:being )?(?:retried|trying|attempting|in (?:the )?queue)", r"keeps? trying",
    r"you do not need to resend", r"no action is required", r"(?:delivery|message)[^.\n]{0,40}(?:deferred|postponed)",
    r"has been (?:postponed|delayed|deferred)",
    r"(?:temporar(?:y|ily)|transient)[^.\n]{0,40}(?:fail|error|problem|unavailable|defer|delay|reject)",
    r"verz[öo]ger", r"retard[ée]", r"en attente", r"retraso", r"ritardo", r"отложен", r"задерж", r"遅延", r"延迟",
    r"延遲", r"지연", r"vertraag", r"\batras", r"opó[źz]ni", r"zpožd", r"försen", r"forsink", r"viiväst", r"gecik",
    r"késlelt",
)  # fmt: skip
_GIVEN_UP = _any_of(
    r"permanent", r"giv(?:ing|en) up", r"not going to try again", r"no further (?:delivery )?attempts?",
    r"has expired", r"too old", r"too long", r"aborted", r"final (?:report|notice|failure)",
)  # fmt: skip
_TIRED = _any_of(
    r"retry time(?:out| limit)? (?:exceeded|not reached)", r"try (?:again )?later",
    r"hosts? (?:\S{1,60} )?(?:have|has) been failing for a long time",
)  # fmt: skip


_SUCCESS = _any_of(
    r"\bsuccess(?:ful(?:ly)?)?\b[^.\n]{0,30}(?:deliver|relayed)",
    r"(?:deliver(?:y|ed)|relayed)\b[^.\n]{0,40}\bsuccess",
    r"(?:was|were|has been|have been) (?:delivered|relayed)", r"erfolgreich", r"remis avec succès",
    r"entregado con éxito", r"\bдоставлен[аоы]?\b",  # noqa: RUF001 - Russian
)  # fmt: skip
_NEGATED = _any_of(r"\b(?:not|never|nor|nicht|non|pas|no|не)\b", r"n.t\b", r"fail", r"unable")
_SENTENCE_END = re.compile(r"[.!?\n]")


def in_subject(subject: str) -> bool:
    return _says(_SUBJECT, subject)


def of_delivery(text: str) -> bool:
    """A sentence saying that a message was not delivered."""
    return _says(_DELIVERY, text)


def of_cause(text: str) -> bool:
    """A reason why a server would not take a message."""
    return _CAUSE.search(text) is not None


def of_success(text: str) -> bool:
    """The message arrived, or was handed on: some sentence says so and does not deny it."""
    sentences = _SENTENCE_END.split(text)
    return any(_SUCCESS.search(one) is not None and _NEGATED.search(one) is None for one in sentences)


def of_passing(text: str) -> bool:
    """The server goes on trying, or gave up over something that may pass."""
    waits = _WAITING.search(text) is not None or ("warning" in text.lower() and _NOBODY.search(text) is None)
    return (waits and _GIVEN_UP.search(text) is None) or _TIRED.search(text) is not None


def _says(words: re.Pattern[str], text: str) -> bool:
    if words.search(text) is not None:
        return True
    return not text.isascii() and _IN_OTHER_SCRIPTS.search(text) is not None
