"""The words for outcomes and reasons, in Chinese and English (design/visual.md): the command and the console show the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Word(NamedTuple):
    """One word in both languages."""

    zh: str
    en: str

    def for_locale(self, locale: str) -> str:
        """The Chinese word for a Chinese book, else the English one."""
        return self.zh if locale.startswith("zh") else self.en


SHAPES: Mapping[str, str] = {"send": "●", "schedule": "◔", "defer": "◗", "skip": "⊘", "cancel": "⊠"}
OUTCOMES: Mapping[str, Word] = {
    "send": Word("已发送", "Sent"),
    "schedule": Word("已排定", "Scheduled"),
    "defer": Word("已推迟", "Deferred"),
    "skip": Word("已跳过", "Skipped"),
    "cancel": Word("已取消", "Cancelled"),
}
REASONS: Mapping[str, Word] = {
    "ok": Word("已发送", "Sent"),
    "timer_set": Word("定时已设", "Timer set"),
    "quiet_hours": Word("安静时段", "Quiet hours"),
    "disabled": Word("已停用", "Switched off"),
    "not_active": Word("不在生效期", "Not in its period"),
    "condition_false": Word("条件不成立", "Condition false"),
    "not_in_audience": Word("不在人群", "Not in audience"),
    "no_recipient": Word("没有收件人", "No recipient"),
    "holdout": Word("对照组", "Holdout"),
    "suppressed": Word("已拒收", "Opted out"),
    "no_consent": Word("未同意", "No consent"),
    "expired": Word("已过期", "Expired"),
    "late": Word("太迟", "Too late"),
    "capped": Word("频次已满", "Cap full"),
    "no_channel": Word("没有通道", "No channel"),
    "template_error": Word("模板出错", "Template error"),
    "duplicate": Word("重复", "Duplicate"),
    "rule_removed": Word("规则已移除", "Rule removed"),
    "stopped": Word("已叫停", "Stopped"),
    "blocked": Word("已拦截", "Blocked"),
    "unless": Word("另一事件先到", "Another event came first"),
    "requested": Word("应要求取消", "Cancelled on request"),
}
CHANNELS: Mapping[str, Word] = {
    "sms": Word("短信", "SMS"),
    "video_sms": Word("视频短信", "Video SMS"),
    "caller_card": Word("来电名片", "Caller card"),
    "email": Word("邮件", "Email"),
    "push": Word("推送", "Push"),
    "webhook": Word("回调", "Webhook"),
}
# Of a message (store/states.py).
STATES: Mapping[str, Word] = {
    "queued": Word("待发", "Queued"),
    "waiting": Word("已推迟", "Deferred"),
    "submitting": Word("提交中", "Submitting"),
    "accepted": Word("已发送", "Sent"),
    "delivered": Word("已送达", "Delivered"),
    "undelivered": Word("未送达", "Undelivered"),
    "rejected": Word("被拒绝", "Rejected"),
    "expired": Word("已过期", "Expired"),
    "cancelled": Word("已取消", "Cancelled"),
    "unknown": Word("结果不明", "Unknown"),
}
STAGES: Mapping[str, Word] = {
    "enabled": Word("启用", "Enabled"),
    "active": Word("生效期", "Active"),
    "unless": Word("未被取消", "Not cancelled"),
    "when": Word("条件", "When"),
    "audience": Word("人群", "Audience"),
    "recipient": Word("收件人", "Recipient"),
    "holdout": Word("对照组", "Holdout"),
    "suppression": Word("拒收名单", "Suppression"),
    "consent": Word("同意", "Consent"),
    "quiet_hours": Word("安静时段", "Quiet hours"),
    "validity": Word("时效", "Validity"),
    "duplicate": Word("去重", "Duplicate"),
    "caps": Word("频次", "Caps"),
    "channel": Word("通道", "Channel"),
    "render": Word("渲染", "Render"),
    "send": Word("发送", "Send"),
}
TYPES: Mapping[str, Word] = {
    "verification": Word("验证码", "Verification"),
    "notification": Word("通知", "Notification"),
    "marketing": Word("营销", "Marketing"),
}
ROLES: Mapping[str, Word] = {
    "ingest": Word("接入", "Ingest"),
    "viewer": Word("查看", "Viewer"),
    "qa": Word("测试", "QA"),
    "editor": Word("编辑", "Editor"),
    "publisher": Word("发布", "Publisher"),
    "admin": Word("管理员", "Admin"),
}
