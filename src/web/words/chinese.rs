//! The console in Simplified Chinese.

use jiff::Timestamp;

use super::{Label, Words, numbers, seconds};
use crate::domain::access::{EffectiveScope, RoomScope, list};
use crate::domain::audit::OutcomeKind;
use crate::domain::language::Language;
use crate::domain::principal::Place;
use crate::domain::session::{NotSignedIn, Proof};
use crate::page::{Sentences, sentences};
use crate::web::kinds::{Section, Trouble};

/// Simplified Chinese.
pub(super) struct Chinese;

const NEW_LINK: &str = "请在聊天中输入 `/room-audit console`，或在机器人所在的机器上运行 `room-owner audit console`，然后打开收到的链接。";

impl Words for Chinese {
    fn page(&self) -> &'static dyn Sentences {
        sentences(Language::Chinese)
    }

    fn label(&self, label: Label) -> &'static str {
        match label {
            Label::Name => "room-owner 控制台",
            Label::Skip => "跳到正文",
            Label::Navigation => "页面",
            Label::SignIn => "登录",
            Label::SignInLead => "链接只能使用一次。会话持续 12 小时，每个页面都会重新检查您的权限。",
            Label::As => "身份",
            Label::AskedFrom => "请求链接的位置",
            Label::SignOut => "退出登录",
            Label::TryAgain => "我已登录：打开控制台",
            Label::BackToLog => "返回日志",
            Label::Colon => "：",
            Label::Filters => "筛选条件",
            Label::MoreFilters => "更多筛选条件",
            Label::Show => "查看",
            Label::Clear => "清除",
            Label::Any => "不限",
            Label::Found => "操作，从新到旧",
            Label::Operation => "操作",
            Label::Outcome => "结果",
            Label::NothingFits => "日志中没有符合条件的记录：请去掉某个条件，或扩大时间范围。",
            Label::NothingYet => "日志中还没有您可以查看的记录。协管员在您的房间中所做的操作会显示在这里。",
            Label::Pages => "更多操作",
            Label::Newest => "最新",
            Label::Older => "更早",
            Label::LiveOn => "实时：新的操作会出现在最上方。",
            Label::LiveLost => "实时更新暂时中断，正在重试。重新加载页面可查看最新记录。",
            Label::SessionOver => "您的会话已结束。请用 /room-audit console 获取新的链接。",
            Label::RightOver => "您已无权从这里查看日志。请联系管理员。",
            Label::OwnSessions => {
                "您自己的会话。所有房间的管理员可以看到所有人的会话。请结束您不认识的会话。"
            }
            Label::EverybodysSessions => "所有已登录的人。结束会话会立即生效。",
            Label::Who => "谁",
            Label::Since => "登录时间",
            Label::End => "结束会话",
            Label::ThisOne => "当前会话",
            Label::AnnouncedIn => "公告位置",
            Label::AlsoKnown => "其他信息",
            Label::ProofHeading => "证明",
            Label::WhatWasChecked => "生成本页时，机器人检查了以下内容：",
            Label::NotChecked => {
                "未经检查：无法生成证明。请在机器人所在的机器上运行 room-owner audit verify。"
            }
            Label::Download => "下载证明",
            Label::CheckYourself => "如需不依赖本机器人进行核验，请使用从可信的人那里得到的公钥：",
        }
    }

    fn section(&self, section: Section) -> &'static str {
        match section {
            Section::Overview => "概览",
            Section::Log => "审计日志",
            Section::Rooms => "房间",
            Section::Access => "权限",
            Section::Sessions => "会话",
        }
    }

    fn trouble(&self, why: &Trouble) -> (&'static str, String) {
        let (title, sentence) = match why {
            Trouble::SignedOut => ("请从聊天中登录", NEW_LINK),
            Trouble::Left => ("您已退出登录", NEW_LINK),
            Trouble::Link(NotSignedIn::Unknown) => {
                return ("未登录", format!("没有这个链接，或它已不存在。{NEW_LINK}"));
            }
            Trouble::Link(NotSignedIn::Used) => {
                return (
                    "未登录",
                    format!("这个链接已经使用过。如果不是您本人使用，请在“会话”中结束该会话。{NEW_LINK}"),
                );
            }
            Trouble::Link(NotSignedIn::Lapsed) => {
                return ("未登录", format!("这个链接已过期：链接的有效期为五分钟。{NEW_LINK}"));
            }
            Trouble::TooManySignIns => {
                ("登录次数过多", "没有执行任何操作。请一分钟后重试：您的链接可能仍然有效。")
            }
            Trouble::OtherSite => ("没有执行任何操作", "表单不是由本控制台的页面发送的。请重新加载页面。"),
            Trouble::Form => ("没有执行任何操作", "无法读取所发送的内容。请重新加载页面。"),
            Trouble::Denied(operation) => {
                let on_record = operation.map(|it| format!("（操作 {it}）")).unwrap_or_default();
                let sentence = "您无权或已无权从请求链接的位置查看此内容。请向管理员申请审计员角色。";
                return ("无权限", format!("{sentence}{on_record}"));
            }
            Trouble::NoOperation => {
                ("没有这个操作", "没有这个编号的操作，或它不属于您可以查看的房间。日志页面显示最新的操作。")
            }
            Trouble::TooMany => ("请求过多", "没有执行任何操作。请一分钟后重试。"),
            Trouble::Store => {
                ("暂时不可用", "日志目前无法写入或读取。请重试；如果一直如此，请告知机器人的维护者。")
            }
            Trouble::Wrong(_) => ("无法这样查询", "请更正错误后重新查询。"),
        };
        (title, sentence.to_owned())
    }

    fn filter(&self, name: &str) -> Option<&'static str> {
        Some(match name {
            "room" => "房间",
            "actor" => "成员（ID）",
            "actor-id" => "主体：slack:T…:U…、cli:ana",
            "channel" => "频道：slack:T…:C…",
            "outcome" => "结果",
            "kind" => "类型",
            "request-id" => "腾讯的 RequestId",
            "text" => "命令、原因或错误中的文字",
            "since" => "起始时间：2h、yesterday、2026-11-23 14:03",
            "until" => "截止时间：同上",
            "zone" => "以上时间的时区：Asia/Shanghai",
            "operation" => "操作编号",
            "readings" => "包括谁查看过日志",
            _ => return None,
        })
    }

    fn choice(&self, word: &'static str) -> &'static str {
        match word {
            "failed" => "未成功",
            "transfer" => "移交房主",
            "show" => "查看房主",
            word => OutcomeKind::named(word).map_or(word, |outcome| self.page().outcome(outcome)),
        }
    }

    fn button(&self, label: &str) -> String {
        match label {
            "Undo" => "撤销",
            "Confirm" => "确认",
            "Approve" => "批准",
            "Cancel" => "取消",
            "Withdraw" => "撤回",
            "Ask for access" => "申请权限",
            label => label,
        }
        .to_owned()
    }

    fn place(&self, place: &Place) -> String {
        match place {
            Place::Channel(channel) => channel.to_string(),
            Place::Local => "机器人所在的机器".to_owned(),
        }
    }

    fn reach(&self, reach: &EffectiveScope) -> String {
        let mut text = format!("您可以查看的房间：{}", list(reach.granted()));
        if !reach.here().contains(&RoomScope::All) {
            text.push_str(&format!("，在此频道中为 {}", list(reach.here())));
        }
        if !reach.denied().is_empty() {
            text.push_str(&format!("，不包括 {}", list(reach.denied())));
        }
        text.push_str("；与房间无关的记录不显示。");
        text
    }

    fn left_out(&self, readings: u32) -> String {
        format!("未显示 {readings} 次日志查看记录：见“更多筛选条件”。")
    }

    fn confirmed(&self, at: Timestamp, is_signed: bool) -> String {
        let doubt = if is_signed { "" } else { "（回调未签名）" };
        format!("腾讯通知：房主于 {} 变更{doubt}。", seconds(at))
    }

    fn checks(&self, goes_on: bool, agrees: bool) -> Vec<&'static str> {
        vec![
            "该操作的每个事件都按原样记录在日志中：其叶节点可推导出此日志头的根。",
            "此日志头由此公钥对应的密钥签名。",
            if goes_on {
                "日志的树延续了数据库旁保存的日志头：到该处为止两者相同。"
            } else {
                "未检查：日志的树是否延续更早的日志头，因为数据库旁没有保存日志头。"
            },
            if agrees {
                "本页显示的操作内容与其事件一致。"
            } else {
                "本页显示的操作内容与其事件不一致：请运行 `room-owner audit verify`。"
            },
            "未检查：日志的其他事件，以及您另行保存的日志头。请使用 `room-owner audit verify --checkpoint`。",
        ]
    }

    fn checked(&self, proof: &Proof) -> String {
        let numbers = numbers(&proof.events, "、");
        format!("事件 {numbers}：刚刚检查过，位于覆盖 {} 个事件的已签名日志头之下。", proof.size)
    }
}
