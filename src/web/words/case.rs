//! The sentences about a case.

use super::chinese::Chinese;
use super::english::English;
use crate::domain::language::Language;

/// A short text about a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum CaseText {
    /// What it is called.
    Title,
    /// What it is for.
    Lead,
    /// From when on.
    Since,
    /// Until when.
    Until,
    /// The zone of those.
    Zone,
    /// In which language.
    Language,
    /// The button.
    Make,
}

/// The sentences about a case in one language.
pub(in crate::web) trait CaseWords {
    /// A short text.
    fn case(&self, text: CaseText) -> &'static str;
    /// The language itself.
    fn language(&self) -> Language;
    /// That there is too much for one case, and what to do.
    fn too_much(&self, most: u32) -> String;
}

impl CaseWords for English {
    fn case(&self, text: CaseText) -> &'static str {
        match text {
            CaseText::Title => "Case file",
            CaseText::Lead => {
                "One archive with all that the log says about the room in this time: a page to read and print, the \
                 rows, the events with their proofs, and a verifier. It is for your eyes; VERIFY.txt says how to \
                 check it. Making it is on record."
            }
            CaseText::Since => {
                "Since: 2h, yesterday, 2026-11-23 14:03; from the beginning of the log if empty"
            }
            CaseText::Until => "Until: the same; up to now if empty",
            CaseText::Zone => "Zone of these times, and beside UTC in the page: Europe/Berlin",
            CaseText::Language => "Language of the page",
            CaseText::Make => "Download the case file",
        }
    }

    fn language(&self) -> Language {
        Language::English
    }

    fn too_much(&self, most: u32) -> String {
        format!(
            "this time holds more than {most} operations of the room: take a shorter one, or use `room-owner audit case` \
             on the bot's machine"
        )
    }
}

impl CaseWords for Chinese {
    fn case(&self, text: CaseText) -> &'static str {
        match text {
            CaseText::Title => "案卷",
            CaseText::Lead => {
                "一个压缩包，包含日志在这段时间内关于该房间的全部记录：可阅读和打印的页面、数据行、事件及其证明，以及核验程序。\
                 仅供您本人查看；核验方法见 VERIFY.txt。生成案卷会被记录。"
            }
            CaseText::Since => "起始时间：2h、yesterday、2026-11-23 14:03；留空表示从日志开头",
            CaseText::Until => "截止时间：同上；留空表示到现在",
            CaseText::Zone => "以上时间的时区，页面中也会与 UTC 并列显示：Asia/Shanghai",
            CaseText::Language => "页面语言",
            CaseText::Make => "下载案卷",
        }
    }

    fn language(&self) -> Language {
        Language::Chinese
    }

    fn too_much(&self, most: u32) -> String {
        format!(
            "这段时间内该房间的操作超过 {most} 个：请缩短时间范围，或在机器人所在的机器上使用 `room-owner audit case`"
        )
    }
}
