//! The codes that say why a call is counted or not, and what happens next.

/// A type of codes that knows all of them.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident => $code:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $name {
            $($(#[$about])* $variant,)*
        }

        impl $name {
            /// All of them.
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$variant,)*];

            /// As it is sent.
            pub(super) fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }
        }
    };
}

codes! {
    /// What is with a call, beside the reasons why one is over.
    What {
        /// A caller is on the line, and nothing more is known.
        OnTheLine => "on-the-line",
        /// Who was called has picked up.
        PickedUp => "picked-up",
        /// With an agent again.
        WithAgent => "with-agent",
        /// Handed over to a person.
        WithPerson => "with-person",
        /// A voicemail has answered.
        Voicemail => "voicemail",
        /// A fax has answered.
        Fax => "fax",
        /// Waiting in a queue.
        InQueue => "in-queue",
        /// Somebody else answers, since a limit was reached.
        AnsweredElsewhere => "answered-elsewhere",
        /// Waiting while a person is dialled.
        DialingPerson => "dialing-person",
        /// Waiting, on hold or alone in a conference.
        OnHold => "on-hold",
        /// A leg of another call.
        Leg => "leg",
        /// The call of a colleague.
        Colleague => "colleague",
        /// Nobody has picked up yet.
        Dialing => "dialing",
        /// Over, since a limit was reached.
        TurnedAway => "turned-away",
        /// Over, since its sources have limits that it has broken.
        LimitsBroken => "limits-broken",
    }
}

codes! {
    /// The setting by which a call counts.
    Rule {
        /// `COUNT_HANDED_OVER`.
        CountHandedOver => "count-handed-over",
    }
}

codes! {
    /// What makes a call count.
    CountsWhen {
        /// An agent talks with its caller.
        AgentTalks => "agent-talks",
        /// The person whom its caller talks with hangs up, and the call goes on.
        PersonHangsUp => "person-hangs-up",
    }
}

codes! {
    /// How sure it is that a call goes on.
    Sure {
        /// Something was heard of it lately.
        Confirmed => "confirmed",
        /// Nothing was.
        Suspect => "suspect",
    }
}

codes! {
    /// Why something happens next.
    Next {
        /// It becomes suspect if nothing is heard.
        BecomesSuspect => "becomes-suspect",
        /// Its source says nothing of it.
        SourceSilent => "source-silent",
        /// Nobody picks up.
        NotAnswered => "not-answered",
        /// It is over by our own guess.
        EndGuessed => "end-guessed",
        /// It is over by somebody's word.
        EndFinal => "end-final",
        /// The provider is asked.
        ProviderAsked => "provider-asked",
        /// It is older than a call can be, and its source would have told its end.
        TooOld => "too-old",
        /// It is older than a call can be, and nobody can be asked.
        TooOldNobodyAsked => "too-old-nobody-asked",
    }
}
