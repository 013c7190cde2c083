//! The sentences of a timeline in Simplified Chinese.

use jiff::Timestamp;

use super::chinese::{Chinese, role};
use super::sentences::{Sentences as _, utc};
use crate::domain::audit::{
    Announced, AskedAccess, Observed, OperationId, Outcome, OutcomeKind, OwnerChange, Request, StepWords,
    SystemChange,
};
use crate::domain::principal::Channel;
use crate::domain::reply_note::{HowReplied, ReplyNote};
use crate::domain::room::{AccountId, RoomId};

impl StepWords for Chinese {
    fn received(&self, who: Option<&str>, place: Option<&Channel>, command: &str) -> String {
        let place = place.map(|channel| format!("在 {channel} ")).unwrap_or_default();
        format!("{}{place}：{command}", who.map_or("未具名者".to_owned(), |who| format!("{who} ")))
    }

    fn permitted(&self, request: &Request) -> String {
        let authority = request.authority.as_deref().unwrap_or_default();
        let Some(grant) = &request.grant else { return format!("允许：{authority}") };
        let until = grant.expires_at.map(|end| format!("，有效期至 {}", utc(end))).unwrap_or_default();
        let member = request.member_of.as_ref().map(|group| format!("，作为 {group} 的成员"));
        let member = member.unwrap_or_default();
        format!("允许：{authority}，{}，房间 {}{until}{member}", role(grant.role), grant.rooms)
    }

    fn denied(&self, reason: &str) -> String {
        format!("拒绝：{reason}")
    }

    fn asked(&self, asks: &AskedAccess, room: &RoomId) -> String {
        format!("申请 {room} 的{}角色；管理员可在 {} 前答复", role(asks.role), utc(asks.lapses_at))
    }

    fn access_answered(&self, by: OperationId, until: Option<Timestamp>) -> String {
        match until {
            Some(until) => format!("操作 {by} 给予访问权限，有效期至 {}", utc(until)),
            None => format!("操作 {by} 未给予访问权限"),
        }
    }

    fn approved(&self, asker: &str, of: OperationId) -> String {
        format!("由 {asker} 以操作 {of} 申请")
    }

    fn attempted(&self, room: &RoomId, to: Option<&AccountId>) -> String {
        match to {
            Some(owner) => format!("先记录，后发送：把 {room} 移交给 {owner}"),
            None => format!("先记录，后询问：{room} 的房主是谁"),
        }
    }

    fn noted(&self, previous: &AccountId) -> String {
        format!("调用需要一些时间；原房主是 {previous}")
    }

    fn answered(&self, outcome: OutcomeKind, why: Option<&str>) -> String {
        with_detail(self.outcome(outcome).to_owned(), why)
    }

    fn ended(&self, outcome: &Outcome) -> String {
        let mut what = self.outcome(outcome.kind()).to_owned();
        let problem = outcome.problem();
        if let Some(code) = problem.and_then(|problem| problem.code) {
            what.push_str(&format!("，错误码 {code}"));
        }
        let mut what = with_detail(what, problem.map(|problem| problem.info.as_str()));
        match (outcome, outcome.previous_owner()) {
            (Outcome::Shown(owner), _) => what.push_str(&format!("；房主是 {owner}")),
            (_, Some(owner)) => what.push_str(&format!("；原房主是 {owner}")),
            _ => {}
        }
        if let Some(id) = outcome.request_id() {
            what.push_str(&format!("；RequestId {id}"));
        }
        what
    }

    fn read_back(&self, was_read: bool) -> String {
        if was_read { "已读回新房主" } else { "未能及时读回新房主" }.to_owned()
    }

    fn settled_by_callback(&self, owner_now: Option<&AccountId>) -> String {
        let now = owner_now.map(|owner| format!("；此时房主是 {owner}")).unwrap_or_default();
        format!("腾讯的回调报告了变更{now}")
    }

    fn left_unknown(&self, owner_now: &AccountId) -> String {
        format!("此时房主是 {owner_now}；无法得知更多")
    }

    fn overridden(&self, by: OperationId) -> String {
        format!("操作 {by} 取代了它；不再继续查看")
    }

    fn callback(&self, change: &OwnerChange, owner_now: Option<&AccountId>) -> String {
        let mut what = format!("腾讯的回调报告了变更，腾讯时钟的时间为 {}", utc(change.event_at));
        if let Some(operator) = &change.operator {
            what.push_str(&format!("，操作者 {operator}"));
        }
        if let Some(owner) = &change.original_owner {
            what.push_str(&format!("；原房主是 {owner}"));
        }
        if let Some(owner) = owner_now {
            what.push_str(&format!("；读回的房主是 {owner}"));
        }
        if !change.signed {
            what.push_str("；回调未签名，操作者和原房主只是其自述");
        }
        what
    }

    fn observed(&self, observed: &Observed) -> String {
        let Observed { room, new_owner, outcome, doubt, .. } = observed;
        with_detail(format!("{}：{room} 属于 {new_owner}", self.outcome(*outcome)), doubt.as_deref())
    }

    fn changed(&self, change: &SystemChange) -> String {
        match change {
            SystemChange::KeyChanged { from, to } => format!("签名密钥由 {from} 换为 {to}"),
            SystemChange::FileReplaced => "数据库文件被替换".to_owned(),
            SystemChange::HeadGone => "数据库旁边的已签名头丢失".to_owned(),
            SystemChange::ClockSetBack { by_ms } => format!("时钟被回拨 {by_ms} 毫秒"),
        }
    }

    fn reply(&self, note: &ReplyNote) -> String {
        let how = match note.how {
            HowReplied::Edited => "多次尝试后送达",
            HowReplied::Posted => "改为发到频道",
            HowReplied::Sent => "稍后以单独的消息送达",
            HowReplied::Lost => "从未送达",
        };
        format!("{how}（{}）", note.why)
    }

    fn announced(&self, announced: &Announced) -> String {
        if let Some(person) = &announced.to {
            return match &announced.problem {
                None => format!("以私信发给 {person}"),
                Some(why) => format!("未发给 {person}：{why}"),
            };
        }
        let channel = &announced.channel;
        match (announced.link(), &announced.problem) {
            (Some(link), _) => format!("在 {channel}：{link}"),
            (None, Some(why)) => format!("未能在 {channel} 通告：{why}"),
            (None, None) => format!("在 {channel}"),
        }
    }
}

fn with_detail(what: String, detail: Option<&str>) -> String {
    match detail {
        Some(detail) => format!("{what}：{detail}"),
        None => what,
    }
}
