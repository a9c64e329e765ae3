//! The statuses and directions of a call, as they are spelt on the wire.

/// The status of a call: `CallStatus` of a webhook, `status` of the REST resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CallStatus {
    /// Waiting to be dialled.
    Queued,
    /// Being dialled. Only callbacks say so; the REST resource never does.
    Initiated,
    /// Ringing; of an inbound call, not yet picked up.
    Ringing,
    /// Answered and going on.
    InProgress,
    /// Was answered and is over.
    Completed,
    /// Over: the called party was busy.
    Busy,
    /// Over: could not be dialled.
    Failed,
    /// Over: not answered, or rejected.
    NoAnswer,
    /// Over: cancelled before it was answered.
    Canceled,
}

impl CallStatus {
    /// Every status, in the order in which a call may pass through them.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Initiated,
        Self::Ringing,
        Self::InProgress,
        Self::Completed,
        Self::Busy,
        Self::Failed,
        Self::NoAnswer,
        Self::Canceled,
    ];

    /// Reads a status; `None` for one that is not known, since the set is open: a compatible
    /// provider also sends `trying` and `early-media`, and Twilio may add its own.
    ///
    /// `answered` is the event that Twilio delivers as `in-progress`; some compatible providers
    /// send it under its own name. Letter case counts.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "queued" => Some(Self::Queued),
            "initiated" => Some(Self::Initiated),
            "ringing" => Some(Self::Ringing),
            "in-progress" | "answered" => Some(Self::InProgress),
            "completed" => Some(Self::Completed),
            "busy" => Some(Self::Busy),
            "failed" => Some(Self::Failed),
            "no-answer" => Some(Self::NoAnswer),
            "canceled" | "cancelled" => Some(Self::Canceled),
            _ => None,
        }
    }

    /// The status in Twilio's spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::NoAnswer => "no-answer",
            Self::Canceled => "canceled",
        }
    }

    /// Whether the call is over.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Queued | Self::Initiated | Self::Ringing | Self::InProgress => false,
            Self::Completed | Self::Busy | Self::Failed | Self::NoAnswer | Self::Canceled => true,
        }
    }
}

/// Who began a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// Somebody called in; also an SDK user who dials out of a browser or an app.
    Inbound,
    /// The REST API dialled.
    Outbound,
    /// `<Dial>` dialled: a leg of another call, its parent.
    OutboundDial,
}

impl Direction {
    /// Reads a direction; `None` for one that is not known, such as those of SIP trunks.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "inbound" => Some(Self::Inbound),
            "outbound-api" | "outbound" => Some(Self::Outbound),
            "outbound-dial" => Some(Self::OutboundDial),
            _ => None,
        }
    }

    /// The direction in Twilio's spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound-api",
            Self::OutboundDial => "outbound-dial",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_read_back_from_its_own_spelling() {
        for status in CallStatus::ALL {
            assert_eq!(CallStatus::parse(status.as_str()), Some(status));
        }
    }

    #[test]
    fn the_spellings_of_other_providers_are_understood() {
        assert_eq!(CallStatus::parse("answered"), Some(CallStatus::InProgress));
        assert_eq!(CallStatus::parse("cancelled"), Some(CallStatus::Canceled));
        assert_eq!(Direction::parse("outbound"), Some(Direction::Outbound));
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        for text in ["", "Completed", "COMPLETED", " completed", "trying", "early-media"] {
            assert_eq!(CallStatus::parse(text), None, "{text:?}");
        }
        for text in ["", "Inbound", "trunking-originating"] {
            assert_eq!(Direction::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn exactly_the_last_five_statuses_end_a_call() {
        let (going_on, over) = CallStatus::ALL.split_at(4);
        assert!(going_on.iter().all(|status| !status.is_terminal()));
        assert!(over.iter().all(|status| status.is_terminal()));
    }

    #[test]
    fn every_direction_is_read_back_from_its_own_spelling() {
        for direction in [Direction::Inbound, Direction::Outbound, Direction::OutboundDial] {
            assert_eq!(Direction::parse(direction.as_str()), Some(direction));
        }
    }
}
