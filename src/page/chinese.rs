//! A page in Simplified Chinese.

use super::denial::DenialKind;
use super::sentences::{CaseFile, CheckCommand, Heading, Sentences, utc};
use crate::domain::access::{Effect, Grant, Role};
use crate::domain::audit::{ArchivedIn, Basis, How, OperationId, OutcomeKind, Sighting, StepKind, Why};
use crate::domain::case::Limit;
use crate::domain::principal::Subject;

/// Simplified Chinese. Its timelines are in `chinese_steps`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chinese;

fn numbers(operations: &[OperationId]) -> String {
    let numbers: Vec<String> = operations.iter().map(ToString::to_string).collect();
    format!("操作 {}", numbers.join("、"))
}

pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::Moderator => "协管员（moderator）",
        Role::Auditor => "审计员（auditor）",
        Role::Admin => "管理员（admin）",
    }
}

fn how(how: &How) -> String {
    match how {
        How::Observed(number) => format!("他人所做的变更，记录为操作 {number}"),
        How::Read(number, at) => format!("操作 {number} 于 {} 读取了房主", utc(*at)),
        How::HandedOver(number) => format!("操作 {number} 完成了移交"),
    }
}

fn found(Sighting { operation, owner, at }: &Sighting) -> String {
    format!("操作 {operation} 于 {} 发现房主是 {owner}", utc(*at))
}

fn later(then: &Option<Sighting>) -> String {
    match then {
        Some(then) => format!("；{}", found(then)),
        None => "；此后也没有记录说明房主是谁".to_owned(),
    }
}

impl Sentences for Chinese {
    fn tag(&self) -> &'static str {
        "zh-CN"
    }

    fn heading(&self, heading: Heading) -> &'static str {
        match heading {
            Heading::Covers => "本页的范围",
            Heading::Room => "房间",
            Heading::Time => "时间",
            Heading::Log => "日志",
            Heading::Head => "已签名的日志头",
            Heading::Key => "公钥",
            Heading::MadeAt => "生成时间",
            Heading::Outcomes => "结果",
            Heading::ObservedChanges => "机器人之外的变更",
            Heading::Refusals => "被拒绝",
            Heading::Unclear => "结果不明",
            Heading::Limits => "本页无法得知的内容",
            Heading::Owners => "何时由谁担任房主",
            Heading::OwnersTable => "同样内容的表格",
            Heading::Operations => "做过的操作",
            Heading::Outside => "时间范围之外、用于判断房主的操作",
            Heading::Check => "如何核验本页",
            Heading::Owner => "房主",
            Heading::From => "从",
            Heading::Until => "到",
            Heading::Basis => "依据",
            Heading::Why => "理由",
            Heading::At => "时间",
            Heading::By => "操作人",
            Heading::In => "频道",
            Heading::Command => "命令",
            Heading::NewOwner => "新房主",
            Heading::OwnerBefore => "原房主",
            Heading::Reason => "原因",
            Heading::AllowedBy => "授权依据",
            Heading::DeniedBecause => "拒绝理由",
            Heading::Code => "腾讯错误码",
            Heading::Problem => "出了什么问题",
            Heading::RequestId => "RequestId",
            Heading::Took => "耗时",
            Heading::Step => "步骤",
            Heading::What => "发生了什么",
            Heading::Wait => "间隔",
            Heading::Event => "事件",
        }
    }

    fn title(&self, room: &str) -> String {
        format!("事件卷宗：房间 {room}")
    }

    fn lead(&self) -> &'static str {
        "审计日志中关于该房间在这段时间内的全部记录，附证明。"
    }

    fn time(&self, since: Option<&str>, until: &str) -> String {
        match since {
            Some(since) => format!("自 {since} 起，至 {until} 之前"),
            None => format!("自日志开始，至 {until} 之前"),
        }
    }

    fn head(&self, events: u64, root: &str) -> String {
        format!("{events} 个事件，根哈希 {root}")
    }

    fn counted(&self, count: usize, outcome: OutcomeKind) -> String {
        format!("{} {count} 个", self.outcome(outcome))
    }

    fn comma(&self) -> &'static str {
        "、"
    }

    fn none(&self) -> &'static str {
        "无"
    }

    fn limit(&self, limit: &Limit) -> String {
        match limit {
            Limit::NoCallbacks => "机器人之外的移交：这段时间内没有记录到腾讯关于该房间的回调。没有回调时，\
                                   只有下一次读取房主才能发现这样的移交。"
                .to_owned(),
            Limit::SomeCallbacks => {
                "未收到腾讯回调的、机器人之外的移交：只有下一次读取房主才能发现。".to_owned()
            }
            Limit::Gaps(n) => format!("有 {n} 段时间无法判断房主是谁：图中画为空缺。"),
            Limit::Unclear(operations) => {
                format!("{} 的结果：没有人知道房主是否已变更。", numbers(operations))
            }
            Limit::Unsigned(operations) => {
                format!("{} 的变更由谁做出、原房主是谁：回调未签名，只是其自述。", numbers(operations))
            }
            Limit::Archived(operations, files) => format!(
                "{} 的步骤：已归档到 {}。用 --archive 重新生成本页，即可得到这些步骤及其证明。",
                numbers(operations),
                files.join("、")
            ),
            Limit::Cut => "所读取的最早记录之前的房主：还有更早的记录。".to_owned(),
            Limit::LeftOut => "有意略去：其他房间、对日志的读取、访问控制列表的变更。\
                               每个操作的授权依据按当时的状态列在该操作中。"
                .to_owned(),
            Limit::Clocks => "时间以机器人所在机器写入事件时的时钟为准；回调给出时间的，以腾讯的时钟为准。\
                              两个时钟都可能不准。"
                .to_owned(),
            Limit::Completeness => "证明只表明这里的每个事件都在日志中且未被改动，并不表明这里没有遗漏：\
                                    持有日志的人可以核验日志，并重新生成本页。"
                .to_owned(),
        }
    }

    fn times(&self, zone: Option<&str>) -> String {
        match zone {
            Some(zone) => format!("时间为 UTC，旁边为 {zone} 的时间。"),
            None => "时间为 UTC。".to_owned(),
        }
    }

    fn quoted(&self) -> &'static str {
        "命令、原因、拒绝理由和腾讯的消息按记录原文引用；不可见的字符显示为 �。"
    }

    fn no_owner(&self) -> &'static str {
        "日志没有说明这段时间内该房间的房主。"
    }

    fn picture(&self, room: &str, part: usize, parts: usize) -> String {
        match parts {
            1 => format!("{room} 何时由谁担任房主"),
            _ => format!("{room} 何时由谁担任房主，第 {part} 部分，共 {parts} 部分"),
        }
    }

    fn picture_description(&self, stretches: usize, from: &str, until: &str) -> String {
        format!("{from} 至 {until} 之间的 {stretches} 个条形，最早的在前。下面的表格有相同的数据。")
    }

    fn not_known(&self) -> &'static str {
        "不明"
    }

    fn not_ended(&self) -> &'static str {
        "现在"
    }

    fn basis(&self, basis: Option<Basis>) -> &'static str {
        match basis {
            Some(Basis::Confirmed) => "由机器人移交，已读回确认",
            Some(Basis::Accepted) => "由机器人移交，未读回确认",
            Some(Basis::Observed) => "机器人之外的变更，由回调得知",
            Some(Basis::Read) => "读取了房主",
            Some(Basis::Next) => "由之后的发现推断",
            None => "存疑",
        }
    }

    fn why(&self, why: &Why) -> String {
        match why {
            Why::Said { how: what, same_later, is_archived } => {
                let same = match same_later {
                    Some(next) => format!("操作 {next} 之后发现仍是如此"),
                    None => "之后没有相反的记录".to_owned(),
                };
                let archived = "；新房主是否已读回，记录在存有其步骤的归档中";
                format!("{}；{same}{}", how(what), if *is_archived { archived } else { "" })
            }
            Why::FoundLater(then) => {
                let then = then.as_ref().map(|then| format!("；{}", found(then))).unwrap_or_default();
                format!("之前没有记录说明房主是谁{then}")
            }
            Why::Silence => "之前和之后都没有记录说明房主是谁".to_owned(),
            Why::ChangedBetween { how: what, owner, then } => {
                format!("{}，房主为 {owner}；{}：其间有一次变更不在日志中", how(what), found(then))
            }
            Why::NotReadBack { operation, to, then } => {
                format!("操作 {operation} 收到变更为 {to} 的回调，但无法读回确认{}", later(then))
            }
            Why::OutcomeUnknown { operation, from, to, then } => {
                let from = from.as_ref().map(|from| format!("从 {from} ")).unwrap_or_default();
                format!("操作 {operation} 尝试{from}移交给 {to}，结果不明{}", later(then))
            }
            Why::UnderWay { operation, from, to, begun, known } => format!(
                "操作 {operation} 当时正在从 {} 移交给 {to}：{} 开始，{} 得知结果",
                from.as_deref().unwrap_or("未读取到的房主"),
                utc(*begun),
                utc(*known)
            ),
            Why::EitherOrder([(first, this), (second, that)]) => {
                let name = |owner: &Option<String>| owner.clone().unwrap_or("另一人".to_owned());
                format!("按操作 {first} 是 {}，按操作 {second} 是 {}：不知道哪个在后", name(this), name(that))
            }
            Why::ClockSetBack(earlier, later) => {
                format!("操作 {earlier} 先于操作 {later}，时间却更晚：时钟被回拨，这段时间出现了两次")
            }
            Why::Contradiction => "这段时间前后的记录互相矛盾".to_owned(),
            Why::TooMuchAtOnce => "同时发生的事情太多，无法判断先后".to_owned(),
        }
    }

    fn outcome(&self, outcome: OutcomeKind) -> &'static str {
        match outcome {
            OutcomeKind::Succeeded => "成功",
            OutcomeKind::Unchanged => "无需变更",
            OutcomeKind::Refused => "被腾讯拒绝",
            OutcomeKind::Unknown => "结果不明",
            OutcomeKind::Pending => "进行中",
            OutcomeKind::Denied => "无权限",
            OutcomeKind::Declined => "未执行",
            OutcomeKind::Invalid => "无法理解",
            OutcomeKind::Duplicate => "重复投递",
        }
    }

    fn step(&self, step: StepKind) -> &'static str {
        match step {
            StepKind::Received => "收到",
            StepKind::Decided => "判定",
            StepKind::Asked => "申请",
            StepKind::Approved => "批准",
            StepKind::Attempted => "尝试",
            StepKind::Noted => "记下",
            StepKind::Answered => "答复",
            StepKind::Confirmed => "确认",
            StepKind::Unconfirmed => "未确认",
            StepKind::Closed => "关闭",
            StepKind::Observed => "观察到",
            StepKind::Changed => "变化",
            StepKind::Reply => "回复",
            StepKind::Announced => "通告",
        }
    }

    fn operation(&self, number: i64) -> String {
        format!("操作 {number}")
    }

    fn grant(&self, grant: &Grant, member_of: Option<&Subject>) -> String {
        let what = match grant.effect {
            Effect::Permit => "授予",
            Effect::Deny => "禁止",
        };
        let member = member_of.map(|group| format!("（通过用户组 {group}）")).unwrap_or_default();
        let channels: Vec<String> = grant.channels.iter().map(ToString::to_string).collect();
        let channels = if channels.is_empty() {
            String::new()
        } else {
            format!("，仅限频道 {}", channels.join("、"))
        };
        let until = grant.expires_at.map(|end| format!("，有效期至 {}", utc(end))).unwrap_or_default();
        let reason = grant.reason.as_ref().map(|why| format!("：{why}")).unwrap_or_default();
        format!(
            "{what} {}{member} 对房间 {} 的角色{}{channels}{until}；由 {} 于 {} 授予{reason}",
            grant.subject,
            grant.rooms,
            role(grant.role),
            grant.granted_by,
            utc(grant.granted_at)
        )
    }

    fn denial(&self, kind: DenialKind) -> &'static str {
        match kind {
            DenialKind::Channel => "该频道未获授权",
            DenialKind::ChannelRooms => "该频道只获授权用于其他房间",
            DenialKind::NoGrant => "没有授权指向此人或其所在的用户组",
            DenialKind::DenyEntry => "有禁止条目指向此人或其所在的用户组",
            DenialKind::UnreadGroup => "有禁止条目指向一个当时无法读取的用户组",
            DenialKind::Elsewhere => "该频道与此人不属于同一个工作区或服务器",
            DenialKind::Ended => "此人最近的授权已经结束",
            DenialKind::NotYet => "此人的授权尚未开始",
            DenialKind::OtherRooms => "此人的授权只用于其他房间",
            DenialKind::OtherChannels => "此人的授权只用于其他频道",
            DenialKind::Role => "此人的角色不允许这样做",
            DenialKind::NotServed => "请求来自本机器人不服务的应用或工作区",
        }
    }

    fn local(&self) -> &'static str {
        "在机器人所在的机器上操作"
    }

    fn not_ours(&self) -> &'static str {
        "不是通过机器人做的"
    }

    fn nobody(&self) -> &'static str {
        "未具名"
    }

    fn nothing(&self) -> &'static str {
        "这段时间内没有关于该房间的记录。"
    }

    fn proved(&self, events: &[i64]) -> String {
        let numbers: Vec<String> = events.iter().map(ToString::to_string).collect();
        format!("已证明在日志中：事件 {}。", numbers.join("、"))
    }

    fn not_proved(&self, archive: &ArchivedIn) -> String {
        format!("未证明：其事件在以事件 {} 开头的归档中（写入时为 {}）。", archive.first, archive.file)
    }

    fn check(&self) -> &'static str {
        "本页旁边有各行数据、每个事件及其证明、日志的已签名头，以及一个 Python 核验程序。VERIFY.txt 列出了命令。\
         本页本身没有签名：以核验程序检查的内容为准。"
    }

    fn trust(&self) -> &'static str {
        "请从可信的人那里获取公钥，不要使用此文件夹中的公钥：制作文件夹的人可能放入了另一个公钥。"
    }

    fn file(&self, file: CaseFile) -> &'static str {
        match file {
            CaseFile::Page => "可阅读、可打印的页面",
            CaseFile::Jsonl => "每行一个操作，供程序使用",
            CaseFile::Csv => "同样的内容，供电子表格使用",
            CaseFile::Proofs => "这些操作的每个事件及其证明（c2sp.org/tlog-proof）",
            CaseFile::Checkpoint => "证明所指向的、日志的已签名头（c2sp.org/tlog-checkpoint）",
            CaseFile::Key => "签名所用的公钥",
            CaseFile::Verifier => "用 Python 3 及其 cryptography 包核验以上全部内容",
        }
    }

    fn command(&self, command: CheckCommand) -> &'static str {
        match command {
            CheckCommand::Python => "在此文件夹中，不需要 room-owner：",
            CheckCommand::Proofs => "只核验证明，用 room-owner：",
            CheckCommand::Log => "持有数据库的人：核验本卷宗的日志头属于该日志，且日志完整：",
            CheckCommand::Again => "持有数据库的人：重新生成卷宗并比较，以确认这里没有遗漏：",
        }
    }

    fn unproved_file(&self) -> &'static str {
        "未证明的操作：其事件已归档，而生成时没有给出归档"
    }
}
