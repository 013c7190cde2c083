//! Who may do what, in Simplified Chinese.

use super::access::{AccessLabel, AccessWords};
use super::chinese::Chinese;
use super::seconds;
use crate::domain::access::{Attention, Effect, Role, RoomScope};
use crate::web::kinds::{Change, Part};

impl AccessWords for Chinese {
    fn access(&self, label: AccessLabel) -> &'static str {
        match label {
            AccessLabel::Parts => "权限列表的各部分",
            AccessLabel::Why => "权限说明",
            AccessLabel::WhoCan => "谁可以移交",
            AccessLabel::Person => "人员、用户组或角色：slack:T…:U…、discord:…",
            AccessLabel::Changes => "更改",
            AccessLabel::Number => "编号",
            AccessLabel::Who => "谁",
            AccessLabel::Role => "角色",
            AccessLabel::Rooms => "房间",
            AccessLabel::Channels => "频道",
            AccessLabel::Channel => "频道",
            AccessLabel::Until => "有效期至",
            AccessLabel::MadeBy => "操作人",
            AccessLabel::Note => "备注",
            AccessLabel::Account => "账号",
            AccessLabel::Mark => "移交时需要",
            AccessLabel::Grant => "授权依据",
            AccessLabel::Action => "处理",
            AccessLabel::Revoke => "撤销",
            AccessLabel::Remove => "取消授权",
            AccessLabel::Stop => "停止",
            AccessLabel::Unlink => "取消关联",
            AccessLabel::Unmark => "取消标记",
            AccessLabel::EveryChannel => "所有已授权的频道",
            AccessLabel::NoEnd => "长期有效",
            AccessLabel::TakenBack => "已撤销",
            AccessLabel::AdminsRead => "供管理员查看",
            AccessLabel::Waiting => "权限申请",
            AccessLabel::NobodyWaits => "没有等待答复的申请。",
            AccessLabel::AskedAt => "申请时间",
            AccessLabel::AnswerBy => "答复期限",
            AccessLabel::OneHour => "授予 1 小时",
            AccessLabel::EightHours => "授予 8 小时",
            AccessLabel::No => "拒绝",
            AccessLabel::OtherLength => "其他时长：30m、7d",
            AccessLabel::Give => "授予",
            AccessLabel::ToLookAt => "需要留意的授权",
            AccessLabel::PlanIt => "查看将要发生的更改",
            AccessLabel::PlanLead => "现在不会更改任何内容：下一页会显示谁获得、谁失去权限。",
            AccessLabel::Plan => "将要发生的更改",
            AccessLabel::Added => "新增：",
            AccessLabel::Taken => "取消：",
            AccessLabel::ForOneself => "这是给您自己的权限：审计日志会特别标明。",
            AccessLabel::Stale => {
                "没有更改任何内容：生成此计划之后，权限列表已发生变化。请阅读新的计划，然后再应用。"
            }
            AccessLabel::Reason => "原因（写入审计日志）",
            AccessLabel::Apply => "应用",
            AccessLabel::PlanAgain => "修改计划",
            AccessLabel::WhyLead => "某人是否可以在某个频道中移交房间，以及由哪条授权决定。",
            AccessLabel::WhoCanLead => "目前可以在聊天中移交该房间的所有人。",
            AccessLabel::NobodyCan => "没有人可以在聊天中移交该房间。请授予某人协管员角色。",
            AccessLabel::BesideGroups => "针对用户组的拒绝条目仍可能使其中的成员失去此权限。",
        }
    }

    fn part(&self, part: Part) -> &'static str {
        match part {
            Part::Live => "当前授权",
            Part::All => "包括已结束的授权",
            Part::Attention => "待处理",
            Part::Channels => "已授权的频道",
            Part::Announcements => "公告频道",
            Part::Links => "账号关联",
            Part::Rooms => "已标记的房间",
        }
    }

    fn nothing_in(&self, part: Part, of_one: bool) -> &'static str {
        match (part, of_one) {
            (Part::Live, false) => "还没有人在聊天中拥有角色。请授予某人角色。",
            (Part::All, false) => "从未有过授权。请授予某人角色。",
            (Part::Live, true) => "没有有效的授权指向此人。请查看已结束的授权，或授予其角色。",
            (Part::All, true) => "从未有授权指向此人。请检查 ID，或授予其角色。",
            (Part::Attention, _) => "没有授权将在 24 小时内结束，也没有授权超过 90 天未使用。",
            (Part::Channels, _) => "没有已授权的频道，因此没有人可以在聊天中使用机器人。请授权一个频道。",
            (Part::Announcements, _) => "没有任何公告频道。请选择一个频道。",
            (Part::Links, false) => "还没有人关联账号。关联之后，可以按姓名把房间移交给此人。",
            (Part::Links, true) => "此人没有关联账号。",
            (Part::Rooms, _) => "没有已标记的房间：每次移交只需一条命令。请标记需要更多确认的房间。",
        }
    }

    fn change(&self, change: Change) -> &'static str {
        match change {
            Change::Grant => "授予角色",
            Change::Deny => "拒绝角色",
            Change::Revoke => "撤销授权",
            Change::Allow => "授权频道",
            Change::Remove => "取消频道授权",
            Change::Announce => "设置公告频道",
            Change::StopAnnouncing => "停止公告",
            Change::Link => "关联账号",
            Change::Unlink => "取消账号关联",
            Change::Mark => "标记房间",
        }
    }

    fn field_of_access(&self, name: &str) -> Option<&'static str> {
        Some(match name {
            "who" => "人员、用户组或角色：slack:T…:U…、discord:…",
            "role" => "角色",
            "rooms" => "房间：vip-1 或 live-*（留空表示所有房间）",
            "announced-rooms" => "房间：live-*（留空表示该频道获授权的房间）",
            "marked-rooms" => "房间：vip-1，或以某前缀开头：live-*",
            "only-channel" => "仅限频道：slack:T…:C…（留空表示所有已授权的频道）",
            "who-or-you" => "人员、用户组或角色：slack:T…:U…（留空表示您自己）",
            "room" => "房间",
            "channel" => "频道：slack:T…:C…、discord:…",
            "for" => "时长：8h、7d（留空表示长期有效）",
            "until" => "或截止时间（UTC）：18:00、tomorrow 06:00",
            "reason" => "原因（写入审计日志）",
            "grant" => "授权编号",
            "admin" => "该频道供管理员查看",
            "account" => "直播应用中的 UserID",
            "mark" => "移交时需要",
            _ => return None,
        })
    }

    fn choice_of_access(&self, word: &'static str) -> &'static str {
        match word {
            "moderator" => "协管员（moderator）：移交房间",
            "auditor" => "审计员（auditor）：查看日志",
            "admin" => "管理员（admin）：还可以更改权限",
            "confirm" => "操作人确认（confirm）",
            "two-person" => "第二人批准（two-person）",
            "off" => "都不需要（无标记）",
            other => other,
        }
    }

    fn role(&self, role: Role, effect: Effect) -> String {
        let name = match role {
            Role::Moderator => "协管员（moderator）",
            Role::Auditor => "审计员（auditor）",
            Role::Admin => "管理员（admin）",
        };
        match effect {
            Effect::Permit => name.to_owned(),
            Effect::Deny => format!("拒绝：{name}"),
        }
    }

    fn every_room(&self, rooms: &RoomScope) -> Option<&'static str> {
        (*rooms == RoomScope::All).then_some("所有房间")
    }

    fn attention(&self, why: Attention) -> String {
        match why {
            Attention::EndsSoon(_) => "将在 24 小时内结束".to_owned(),
            Attention::Unused(Some(last)) => format!("上次使用：{}", seconds(last)),
            Attention::Unused(None) => "从未使用".to_owned(),
        }
    }

    fn ended_grants(&self, left_out: usize) -> String {
        format!("未显示 {left_out} 条已结束的授权。")
    }

    fn page_of(&self, page: u32, pages: u32) -> String {
        format!("第 {page} 页，共 {pages} 页")
    }
}
