"""The words of a printed statement in English, 简体中文 and 繁體中文; the CSV has one for all machines."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """A language that a statement is printed in."""

    ENGLISH = "en"
    SIMPLIFIED = "zh-Hans"
    TRADITIONAL = "zh-Hant"


_ORDER = tuple(Language)
_WORDS = {
    "title": ("Settlement statement", "结算对账单", "結算對帳單"),
    "merchant": ("Merchant", "商户", "商家"),
    "period": ("Period", "结算期", "結算期"),
    "closed at": ("Closed at", "关账时间", "關帳時間"),
    "currency": ("Currency", "币种", "幣別"),
    "stage": ("Stage", "阶段", "階段"),
    "closed": ("closed, not netted yet", "已关账，尚未轧差", "已關帳，尚未軋差"),
    "netted": ("netted, final", "已轧差，最终", "已軋差，最終"),
    "programmes": ("Points outstanding", "流通在外的积分", "流通在外的點數"),
    "programme": ("Programme", "积分计划", "點數計畫"),
    "movement": ("Movement", "变动", "變動"),
    "points": ("Points", "积分", "點數"),
    "value": ("Value", "价值", "價值"),
    "terms": ("Terms", "条款版本", "條款版本"),
    "opening": ("Opening liability", "期初负债", "期初負債"),
    "revaluation": ("Revaluation of the opening points", "期初积分重估", "期初點數重估"),
    "earned": ("Issued: earned", "发放：消费获得", "發放：消費獲得"),
    "adjusted": ("Issued: adjustments", "发放：调整", "發放：調整"),
    "converted": ("Issued: conversions", "发放：兑换转入", "發放：兌換轉入"),
    "redeemed_here": ("Redeemed here", "本商户核销", "本商家折抵"),
    "redeemed_elsewhere": ("Redeemed elsewhere", "其他商户核销", "其他商家折抵"),
    "restored_here": ("Restored here", "本商户退回", "本商家退回"),
    "restored_elsewhere": ("Restored elsewhere", "其他商户退回", "其他商家退回"),
    "clawed_back": ("Clawed back", "追回", "追回"),
    "expired": ("Expired", "到期", "到期"),
    "closing": ("Closing liability", "期末负债", "期末負債"),
    "extended, still outstanding": ("For information: extended", "备注：延期", "備註：展期"),
    "owed by the merchant": (
        "Own points redeemed elsewhere, by acceptor",
        "本商户积分在其他商户核销（按受理商户）",
        "本商家點數於其他商家折抵（依受理商家）",
    ),
    "owed to the merchant": (
        "Points of others redeemed here, by issuer",
        "其他商户积分在本商户核销（按发行商户）",
        "其他商家點數於本商家折抵（依發行商家）",
    ),
    "own points taken here": (
        "Own points redeemed here: no obligation",
        "本商户积分在本商户核销：不产生债务",
        "本商家點數於本商家折抵：不產生債務",
    ),
    "issuer": ("Issuer", "发行商户", "發行商家"),
    "acceptor": ("Acceptor", "受理商户", "受理商家"),
    "kind": ("What", "类别", "類別"),
    "redeemed": ("redeemed", "核销", "折抵"),
    "came back": ("came back", "退回", "退回"),
    "lines": ("Lines", "笔数", "筆數"),
    "gross": ("Gross", "总额", "總額"),
    "fee kept": ("Fee kept", "保留的手续费", "保留的手續費"),
    "fee borne": ("Fee borne", "承担的手续费", "負擔的手續費"),
    "owed": ("Owed", "应付净额", "應付淨額"),
    "total": ("Total", "合计", "合計"),
    "none": ("None.", "无。", "無。"),
    "gross note": (
        "Gross amounts are the taxable ones of each direction; the two are not set off against each other.",
        "总额为各方向的计税金额，两个方向互不抵销。",
        "總額為各方向的計稅金額，兩個方向互不抵銷。",
    ),
    "settlement": ("Settlement", "结算", "結算"),
    "amount": ("Amount", "金额", "金額"),
    "net of the legs": ("Net of all lines above", "以上各项净额", "以上各項淨額"),
    "held out by a dispute": ("Held out by a dispute", "争议暂扣", "爭議暫扣"),
    "decided of earlier disputes": ("Brought in from resolved disputes", "已解决争议转入", "已解決爭議轉入"),
    "net": ("Net", "净额", "淨額"),
    "rounding": ("Rounding to minor units", "舍入至最小货币单位", "捨入至最小貨幣單位"),
    "net in minor units": ("Net, rounded", "舍入后净额", "捨入後淨額"),
    "payout": ("Payout", "付款", "付款"),
    "positive": (
        "A positive net is owed to the merchant, a negative one by it.",
        "净额为正表示应付给本商户，为负表示由本商户支付。",
        "淨額為正表示應付給本商家，為負表示由本商家支付。",
    ),
    "waits": (
        "Payouts are fixed when the period is netted; ask for this statement again then.",
        "付款在轧差后确定，届时请重新取得本对账单。",
        "付款於軋差後確定，屆時請重新取得本對帳單。",
    ),
    "pools": ("Pools, paid beside the settlement", "资金池（结算之外支付）", "資金池（結算之外支付）"),
    "into the pool": ("Into the pool", "转入资金池", "轉入資金池"),
    "out of the pool": ("Out of the pool", "从资金池转出", "自資金池轉出"),
    "held by the pool": ("Held by the pool at the close", "关账时资金池余额", "關帳時資金池餘額"),
    "chain": ("Where it stands on the chain", "链上依据", "鏈上依據"),
    "chain id": ("Chain id", "链编号", "鏈編號"),
    "registry": ("Registry", "登记合约", "登記合約"),
    "clearing house": ("Clearing house", "清算合约", "清算合約"),
    "settlement desk": ("Settlement desk", "结算合约", "結算合約"),
    "block of the close": ("Block of the close", "关账区块", "關帳區塊"),
    "hash of that block": ("Hash of that block", "关账区块哈希", "關帳區塊雜湊"),
    "time of that block": ("Time of that block", "关账区块时间", "關帳區塊時間"),
    "batches": ("Batches", "批次", "批次"),
    "root of all statements": ("Root of all statements", "全部对账单的根", "全部對帳單的根"),
    "published root": ("Published root", "已公布的根", "已公布的根"),
    "root of the period": ("Root of the period", "结算期的根", "結算期的根"),
    "recompute": ("Recompute it alone", "自行重算", "自行重算"),
    "page": ("Page", "页", "頁"),
}


def word(key: str, language: Language) -> str:
    """What a key of the statement is called."""
    return _WORDS[key][_ORDER.index(language)]
