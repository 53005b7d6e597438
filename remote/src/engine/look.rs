//! What the machine is, before there is a plan: asked over the connection that the run then uses.

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::attempt::{Answer, Talk, talk};
use super::error::Error;
use super::inspect::{END, Telling, answer};
use super::privilege::Way;
use super::run::{delays, first_use, is_crowded};
use super::{Event, Host, Job};
use crate::event::Line;
use crate::facts::Facts;
use crate::script::{self, Question};
use crate::ssh::{self, ConnectError, Connection};

/// Connects and asks. Nothing is begun on the host, so after a fault that may pass it is simply tried again.
pub(super) async fn look(
    host: &Host,
    job: &Job<'_>,
    cancel: &CancellationToken,
    listener: &(dyn Fn(Event) + Sync),
) -> Result<(Connection, Way, Facts), Error> {
    let mut way = Way::first(&host.privilege);
    let mut delays = delays(job);
    let mut attempts = 0;
    let mut is_first = true;
    loop {
        attempts += 1;
        let reason = match ssh::connect(&host.target, &job.deadlines, cancel).await {
            Ok(connection) => {
                is_first = false;
                listener(Event::Connected {
                    trusted_on_first_use: first_use(&connection),
                });
                match ask(&connection, host, &mut way, job, cancel).await {
                    Ok(Ok(facts)) => return Ok((connection, way, facts)),
                    Ok(Err(reason)) => {
                        connection.close().await;
                        reason
                    }
                    Err(error) => {
                        connection.close().await;
                        return Err(error);
                    }
                }
            }
            Err(ConnectError::Cancelled) => return Err(Error::Stopped),
            Err(error) if error.is_transient() && (!is_first || is_crowded(&error)) => error.to_string(),
            Err(error) => return Err(error.into()),
        };
        let Some(after) = delays.next() else {
            return Err(Error::GaveUp { attempts, last: reason });
        };
        listener(Event::Reconnecting { after, reason });
        tokio::select! {
            () = cancel.cancelled() => return Err(Error::Stopped),
            () = sleep(after) => {}
        }
    }
}

/// The facts; why the connection was lost, if it was.
async fn ask(
    connection: &Connection,
    host: &Host,
    way: &mut Way,
    job: &Job<'_>,
    cancel: &CancellationToken,
) -> Result<Result<Facts, String>, Error> {
    let program = script::render_question(Question::Facts);
    let (mut telling, mut told) = (Telling::begin(), None);
    let talked = talk(
        connection,
        host,
        way,
        &program,
        &answer(job.limits.silence),
        cancel,
        |raw, line| {
            if raw.bytes == END {
                return Answer::End(told.take());
            }
            if let Line::Fail { what, text } = line {
                return Answer::End(Some(Err(Error::unfit(&what, text))));
            }
            told = telling.take(&line).map(Ok).or(told.take());
            Answer::Nothing
        },
    )
    .await?;
    match talked {
        Talk::End(Some(Ok(facts))) => Ok(Ok(facts)),
        Talk::End(Some(Err(error))) => Err(error),
        Talk::End(None) => Err(Error::Lost("it did not tell what it is".to_owned())),
        Talk::Broken(reason) => Ok(Err(reason)),
    }
}
