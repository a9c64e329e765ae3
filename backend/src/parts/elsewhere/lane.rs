//! What many webhooks have for one other backend goes there together: one request is under way at a time, and
//! what comes meanwhile goes in the next one. So a request more for each webhook becomes one for many.

use std::convert::Infallible;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

/// So long at most those whose parts have failed are told of it one after the other.
const IN_TURN: Duration = Duration::from_millis(500);

/// The answers to the parts of a request, in their order, each of which may have failed by itself; or why the
/// whole request has failed.
pub(super) type Answered<A> = Result<Vec<Result<A, String>>, String>;

/// Why a part has no answer.
#[derive(Debug)]
pub(super) struct Failed {
    /// For the log.
    pub(super) why: String,
    /// Whether all of the request has failed, and not this part alone.
    pub(super) is_whole: bool,
    /// Those behind it hear of theirs when this is dropped: what is done instead has the same order.
    _turn: Option<oneshot::Sender<Infallible>>,
}

impl Failed {
    /// Nobody waits for what is done instead.
    fn alone(why: String) -> Self {
        Self { why, is_whole: true, _turn: None }
    }
}

struct Part<Q, A> {
    question: Q,
    answer: oneshot::Sender<Result<A, Failed>>,
}

/// A queue of `Q` that is answered by `A`. Its requests end with it.
pub(super) struct Lane<Q, A>(mpsc::UnboundedSender<Part<Q, A>>);

impl<Q: Send + 'static, A: Send + 'static> Lane<Q, A> {
    /// Begins to send on this runtime. A request has parts of `most` weights together, as far as they
    /// can be divided.
    pub(super) fn start<Sent>(
        runtime: &Handle,
        (weight, most): (fn(&Q) -> usize, usize),
        send: impl Fn(Vec<Q>) -> Sent + Send + 'static,
    ) -> Self
    where
        Sent: Future<Output = Answered<A>> + Send,
    {
        let (sender, mut parts) = mpsc::unbounded_channel::<Part<Q, A>>();
        runtime.spawn(async move {
            while let Some(first) = parts.recv().await {
                let (mut questions, mut answers, mut weighs) = (Vec::new(), Vec::new(), 0);
                let mut next = Some(first);
                while let Some(Part { question, answer }) = next {
                    // Who does not wait any more has had it kept.
                    if !answer.is_closed() {
                        weighs += weight(&question);
                        questions.push(question);
                        answers.push(answer);
                    }
                    next = if weighs < most { parts.try_recv().ok() } else { None };
                }
                if questions.is_empty() {
                    continue;
                }
                let mut failed = Vec::new();
                match send(questions).await {
                    Ok(each) => {
                        for (answer, one) in answers.into_iter().zip(each) {
                            match one {
                                Ok(one) => drop(answer.send(Ok(one))),
                                Err(why) => failed.push((answer, why, false)),
                            }
                        }
                    }
                    Err(why) => {
                        // What has come meanwhile would wait as long again, and then fail as well.
                        while let Ok(Part { answer, .. }) = parts.try_recv() {
                            answers.push(answer);
                        }
                        failed.extend(answers.into_iter().map(|it| (it, why.clone(), true)));
                    }
                }
                tell_in_turn(failed).await;
            }
        });
        Self(sender)
    }

    /// Sends this with what others have.
    ///
    /// # Errors
    /// Why no answer has come in this time.
    pub(super) async fn ask(&self, question: Q, patience: Duration) -> Result<A, Failed> {
        let (answer, answered) = oneshot::channel();
        let interrupted = || Failed::alone("asking was interrupted".to_owned());
        self.0.send(Part { question, answer }).map_err(|_| interrupted())?;
        match timeout(patience, answered).await {
            Ok(answered) => answered.unwrap_or_else(|_| Err(interrupted())),
            Err(_) => Err(Failed::alone(format!("no answer within {} ms", patience.as_millis()))),
        }
    }
}

/// A part that has failed: who waits for it, why, and whether the whole request has.
type FailedPart<A> = (oneshot::Sender<Result<A, Failed>>, String, bool);

async fn tell_in_turn<A>(failed: Vec<FailedPart<A>>) {
    let until = Instant::now() + IN_TURN;
    for (answer, why, is_whole) in failed {
        let (turn, is_done) = oneshot::channel();
        if answer.send(Err(Failed { why, is_whole, _turn: Some(turn) })).is_ok() {
            let _in_time = timeout_at(until, is_done).await;
        }
    }
}

#[cfg(test)]
mod tests;
