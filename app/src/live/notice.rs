use protocol::error::ErrorCode;

/// The result of the reader's last action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    Failed(ErrorCode),
    /// A limit is reached.
    #[cfg_attr(feature = "ssr", expect(dead_code, reason = "only a browser sends forms without leaving the page"))]
    TooMany,
    Copied,
    Forwarded,
    Reported,
    Saved,
}
