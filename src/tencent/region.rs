//! The data centres and their domains (trtc.io/document/72534 and, for Korea, Japan and Germany,
//! trtc.io/document/34620, which is about the same gateway).

use std::fmt;
use std::str::FromStr;

/// The data centre in which an SDKAppID was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    /// Mainland China.
    China,
    /// Singapore.
    Singapore,
    /// Silicon Valley.
    Usa,
    /// Jakarta.
    Indonesia,
    /// Seoul.
    Korea,
    /// Tokyo.
    Japan,
    /// Frankfurt.
    Germany,
}

impl Region {
    /// Every region, its name in the settings, and its domain.
    const ALL: [(Self, &'static str, &'static str); 7] = [
        (Self::China, "china", "console.tim.qq.com"),
        (Self::Singapore, "singapore", "adminapisgp.im.qcloud.com"),
        (Self::Usa, "usa", "adminapiusa.im.qcloud.com"),
        (Self::Indonesia, "indonesia", "adminapiidn.im.qcloud.com"),
        (Self::Korea, "korea", "adminapikr.im.qcloud.com"),
        (Self::Japan, "japan", "adminapijpn.im.qcloud.com"),
        (Self::Germany, "germany", "adminapiger.im.qcloud.com"),
    ];

    /// Scheme and host of the region's REST API.
    #[must_use]
    pub fn base_url(self) -> String {
        let domain = Self::ALL.iter().find(|(region, ..)| *region == self).map_or("", |(.., domain)| domain);
        format!("https://{domain}")
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(region, ..)| region == self).map_or("", |(_, name, _)| name))
    }
}

/// A text that names no region.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a region: use china, singapore, usa, indonesia, korea, japan or germany")]
pub struct UnknownRegion;

impl FromStr for Region {
    type Err = UnknownRegion;

    fn from_str(text: &str) -> Result<Self, UnknownRegion> {
        Self::ALL.iter().find(|(_, name, _)| *name == text).map(|(region, ..)| *region).ok_or(UnknownRegion)
    }
}
