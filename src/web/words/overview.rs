//! The sentences of the overview.

use super::chinese::Chinese;
use super::english::English;

/// How a command ended, as the overview counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum Ended {
    Done,
    Refused,
    Denied,
    Open,
    Other,
}

impl Ended {
    /// Every one, from the ground of a bar to its top.
    pub(in crate::web) const ALL: [Self; 5] =
        [Self::Done, Self::Refused, Self::Denied, Self::Open, Self::Other];

    /// The texture that it is drawn with.
    pub(in crate::web) fn texture(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Denied => "denied",
            Self::Open => "open",
            Self::Other => "other",
        }
    }
}

/// A short text of the overview.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum OverviewText {
    /// The heading of the picture.
    Commands,
    /// That there was no command, and what to do.
    NoCommands,
    /// The same numbers in a table.
    AsTable,
    /// The hour.
    Hour,
    /// The heading of what somebody should look at.
    ToLookAt,
    /// That there is nothing of the kind.
    NothingToLookAt,
    /// A hand-over that waits for a confirmation or a second person.
    Held,
    /// A request for access.
    Asks,
    /// To the rest.
    More,
    /// To the grants.
    ToGrants,
    /// The heading of the state.
    State,
    /// A connection is there.
    Connected,
    /// It is not.
    NotConnected,
    /// Commands come to the bot's own server.
    ByHttp,
    /// The platform is not used.
    NotSetUp,
    /// Tencent's name.
    Tencent,
    /// When a call last succeeded.
    LastSuccess,
    /// When a call last did not.
    LastFailure,
    /// There was no call.
    NotCalled,
    /// The log.
    Log,
    /// Its signed head.
    Head,
    /// The database's write-ahead log.
    Wal,
}

/// The sentences of the overview in one language.
pub(in crate::web) trait OverviewWords {
    /// A short text.
    fn overview(&self, text: OverviewText) -> &'static str;
    /// How commands ended.
    fn ended(&self, ended: Ended) -> &'static str;
    /// What a part of a bar stands for: so many commands of an hour, UTC.
    fn bar(&self, hour: &str, commands: u64, ended: Ended) -> String;
    /// How many grants need a look.
    fn grants(&self, grants: usize) -> String;
    /// The number of the newest event.
    fn events(&self, events: u64) -> String;
    /// How many of the events the signed head covers.
    fn covered(&self, covered: u64, events: u64) -> String;
}

impl OverviewWords for English {
    fn overview(&self, text: OverviewText) -> &'static str {
        match text {
            OverviewText::Commands => "Commands of the last 24 hours",
            OverviewText::NoCommands => {
                "Nobody typed a command in the last 24 hours that you may see. Older ones are in the log."
            }
            OverviewText::AsTable => "The numbers as a table",
            OverviewText::Hour => "Hour (UTC)",
            OverviewText::ToLookAt => "Things to look at",
            OverviewText::NothingToLookAt => {
                "Nothing: no outcome is unknown, and nobody waits for an answer."
            }
            OverviewText::Held => "waits for a confirmation or a second person",
            OverviewText::Asks => "asks for access",
            OverviewText::More => "More operations whose outcome is not known",
            OverviewText::ToGrants => "Show them",
            OverviewText::State => "State",
            OverviewText::Connected => "connected since",
            OverviewText::NotConnected => "not connected since",
            OverviewText::ByHttp => "commands come to the bot's own server",
            OverviewText::NotSetUp => "not set up",
            OverviewText::Tencent => "Tencent",
            OverviewText::LastSuccess => "last call that succeeded",
            OverviewText::LastFailure => "last call that failed",
            OverviewText::NotCalled => "not called since the bot started",
            OverviewText::Log => "Audit log",
            OverviewText::Head => "Signed head",
            OverviewText::Wal => "Write-ahead log",
        }
    }

    fn ended(&self, ended: Ended) -> &'static str {
        match ended {
            Ended::Done => "done",
            Ended::Refused => "refused by Tencent",
            Ended::Denied => "denied by the ACL",
            Ended::Open => "unknown or under way",
            Ended::Other => "not carried out",
        }
    }

    fn bar(&self, hour: &str, commands: u64, ended: Ended) -> String {
        let word = if commands == 1 { "command" } else { "commands" };
        format!("{hour} UTC: {commands} {word} {}", self.ended(ended))
    }

    fn grants(&self, grants: usize) -> String {
        match grants {
            1 => "1 grant ends within 24 hours or was not used for 90 days.".to_owned(),
            n => format!("{n} grants end within 24 hours or were not used for 90 days."),
        }
    }

    fn events(&self, events: u64) -> String {
        format!("the newest event is {events}")
    }

    fn covered(&self, covered: u64, events: u64) -> String {
        if covered == events {
            return format!("covers all {events} events");
        }
        format!("covers {covered} of {events} events")
    }
}

impl OverviewWords for Chinese {
    fn overview(&self, text: OverviewText) -> &'static str {
        match text {
            OverviewText::Commands => "最近 24 小时的命令",
            OverviewText::NoCommands => "最近 24 小时内没有您可以查看的命令。更早的命令请在审计日志中查看。",
            OverviewText::AsTable => "以表格显示数字",
            OverviewText::Hour => "小时（UTC）",
            OverviewText::ToLookAt => "需要关注",
            OverviewText::NothingToLookAt => "没有需要关注的内容：没有结果未知的操作，也没有人在等待答复。",
            OverviewText::Held => "等待确认或第二人批准",
            OverviewText::Asks => "申请权限",
            OverviewText::More => "更多结果未知的操作",
            OverviewText::ToGrants => "查看",
            OverviewText::State => "状态",
            OverviewText::Connected => "已连接，自",
            OverviewText::NotConnected => "未连接，自",
            OverviewText::ByHttp => "命令直接发送到机器人的服务器",
            OverviewText::NotSetUp => "未设置",
            OverviewText::Tencent => "腾讯",
            OverviewText::LastSuccess => "最近一次成功的调用",
            OverviewText::LastFailure => "最近一次失败的调用",
            OverviewText::NotCalled => "机器人启动后尚未调用",
            OverviewText::Log => "审计日志",
            OverviewText::Head => "已签名的日志头",
            OverviewText::Wal => "预写日志",
        }
    }

    fn ended(&self, ended: Ended) -> &'static str {
        match ended {
            Ended::Done => "已完成",
            Ended::Refused => "被腾讯拒绝",
            Ended::Denied => "无权限",
            Ended::Open => "结果未知或进行中",
            Ended::Other => "未执行",
        }
    }

    fn bar(&self, hour: &str, commands: u64, ended: Ended) -> String {
        format!("{hour} UTC：{commands} 条命令{}", self.ended(ended))
    }

    fn grants(&self, grants: usize) -> String {
        format!("{grants} 项授权将在 24 小时内到期，或已 90 天未使用。")
    }

    fn events(&self, events: u64) -> String {
        format!("最新事件为 {events}")
    }

    fn covered(&self, covered: u64, events: u64) -> String {
        if covered == events {
            return format!("覆盖全部 {events} 个事件");
        }
        format!("覆盖 {events} 个事件中的 {covered} 个")
    }
}
