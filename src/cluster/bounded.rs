//! The client to a cluster, with a bound on whatever it answers: a body has so many bytes at most, a watch's line as
//! well. What is over it is an error with its size, and never an allocation.
//!
//! `kube` reads bodies to their end and lines to theirs, however long (`Client::request_text`; `LinesCodec` without a
//! length). So the body itself ends: a layer around the client's service counts what passes.

use crate::poll::SourceError;
use crate::text::size;
use futures_util::future::{BoxFuture, FutureExt, TryFutureExt};
use http::{Request, Response, Uri};
use http_body::{Body as HttpBody, Frame, SizeHint};
use kube::client::{Body, ClientBuilder};
use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service;

type BoxError = Box<dyn StdError + Send + Sync>;

/// The most of one answer that is read, in bytes. A page of a hundred pods has one to two million.
const MOST_OF_A_BODY: u64 = 8 << 20;
/// The most of one line of a watch: it holds one object, and an API server takes none of more than 3 MiB
/// (`MaxRequestBodyBytes` of `k8s.io/apiserver`).
const MOST_OF_A_LINE: u64 = 4 << 20;
/// What is longer than this is read one at a time of its kind: many large answers at once are larger than any one.
const SMALL: u64 = 64 << 10;

/// An answer that is larger than what is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum TooLarge {
    /// Its length was said in advance, in bytes.
    #[error("the response has {}, the limit is {}", size(*.0), size(MOST_OF_A_BODY))]
    Announced(u64),
    /// It has not ended where it should have.
    #[error("the response is larger than {}", size(MOST_OF_A_BODY))]
    Body,
    /// So has a line of a watch.
    #[error("a watch line is longer than {}", size(MOST_OF_A_LINE))]
    Line,
}

impl TooLarge {
    /// The one that is somewhere behind an error, if there is one.
    pub(crate) fn behind(error: &(dyn StdError + 'static)) -> Option<Self> {
        let mut chain = std::iter::successors(Some(error), |error| (*error).source());
        chain.find_map(|error| error.downcast_ref::<Self>().copied())
    }

    /// In our words, with the way out.
    pub(crate) fn source_error(self) -> SourceError {
        SourceError::BadAnswer(format!("{self}: is this address an API server, or something in front of it?"))
    }
}

/// Builds the client. Runs exec plugins, and so blocks.
pub(super) fn client(config: kube::Config) -> Result<kube::Client, kube::Error> {
    let (bodies, lines) = (Arc::new(Semaphore::new(1)), Arc::new(Semaphore::new(1)));
    let layer = tower_layer::layer_fn(|inner| Bounded { inner, bodies: bodies.clone(), lines: lines.clone() });
    Ok(ClientBuilder::try_from(config)?.with_layer(&layer).build())
}

/// The service whose answers are bounded.
struct Bounded<S> {
    inner: S,
    bodies: Arc<Semaphore>,
    lines: Arc<Semaphore>,
}

impl<S, B> Service<Request<Body>> for Bounded<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    B: HttpBody,
{
    type Response = Response<Counted<B>>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (most, large) = if is_watch(request.uri()) {
            (Most::OfALine, self.lines.clone())
        } else {
            (Most::OfAll, self.bodies.clone())
        };
        self.inner.call(request).map_ok(move |response| response.map(|body| Counted::new(body, most, large))).boxed()
    }
}

fn is_watch(uri: &Uri) -> bool {
    uri.query().unwrap_or_default().split('&').any(|parameter| matches!(parameter, "watch=true" | "watch=1"))
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Most {
    /// The bytes of the whole body.
    OfAll,
    /// Those since the last end of a line.
    OfALine,
}

/// Whether a large answer may be read now.
enum Turn {
    /// It is not large so far.
    Small,
    /// Another one is being read.
    Waiting(BoxFuture<'static, Option<OwnedSemaphorePermit>>),
    /// It is this one's, until the permit is dropped.
    Ours { _permit: Option<OwnedSemaphorePermit> },
}

/// A body that ends where it gets too large.
struct Counted<B> {
    body: B,
    most: Most,
    so_far: u64,
    turn: Turn,
    large: Arc<Semaphore>,
}

impl<B: HttpBody> Counted<B> {
    fn new(body: B, most: Most, large: Arc<Semaphore>) -> Self {
        Self { body, most, so_far: 0, turn: Turn::Small, large }
    }

    /// Counts a piece; the error when that is too much.
    fn count(&mut self, piece: &[u8]) -> Result<(), TooLarge> {
        let mut longest = self.so_far;
        // A body is as one line that goes on over all its pieces.
        for (index, part) in piece.split(|byte| self.most == Most::OfALine && *byte == b'\n').enumerate() {
            if index > 0 {
                self.so_far = 0;
            }
            self.so_far += part.len() as u64;
            longest = longest.max(self.so_far);
        }
        let (limit, error) = match self.most {
            Most::OfAll => (MOST_OF_A_BODY, TooLarge::Body),
            Most::OfALine => (MOST_OF_A_LINE, TooLarge::Line),
        };
        if longest > limit { Err(error) } else { Ok(()) }
    }

    /// Waits until it may be read on: large answers are read in turn.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.so_far <= SMALL {
            self.turn = Turn::Small;
            return Poll::Ready(());
        }
        if matches!(self.turn, Turn::Small) {
            let permit = self.large.clone().acquire_owned().map(Result::ok);
            self.turn = Turn::Waiting(permit.boxed());
        }
        if let Turn::Waiting(permit) = &mut self.turn {
            let permit = ready!(permit.poll_unpin(context));
            self.turn = Turn::Ours { _permit: permit };
        }
        Poll::Ready(())
    }
}

impl<B> HttpBody for Counted<B>
where
    B: HttpBody + Unpin,
    B::Data: AsRef<[u8]>,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, BoxError>>> {
        if self.most == Most::OfAll
            && let Some(told) = self.body.size_hint().exact().filter(|told| *told > MOST_OF_A_BODY)
            && self.so_far == 0
        {
            return Poll::Ready(Some(Err(TooLarge::Announced(told).into())));
        }
        ready!(self.poll_turn(context));
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(match frame {
            Some(Ok(frame)) => match frame.data_ref().map_or(Ok(()), |piece| self.count(piece.as_ref())) {
                Ok(()) => Some(Ok(frame)),
                Err(error) => Some(Err(error.into())),
            },
            Some(Err(error)) => Some(Err(error.into())),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use axum::body::Body as Foreign;
    use futures_util::StreamExt;
    use proptest::prelude::*;

    fn counted(most: Most) -> Counted<Foreign> {
        Counted::new(Foreign::empty(), most, Arc::new(Semaphore::new(1)))
    }

    /// Whether pieces of these texts pass.
    fn passes(most: Most, pieces: &[&[u8]]) -> bool {
        let mut counted = counted(most);
        pieces.iter().all(|piece| counted.count(piece).is_ok())
    }

    #[test]
    fn lines_are_counted_over_pieces_and_bodies_over_lines() {
        let half = vec![b'x'; usize::try_from(MOST_OF_A_LINE / 2).unwrap()];
        assert!(passes(Most::OfALine, &[&half, &half]));
        assert!(!passes(Most::OfALine, &[&half, &half, b"x"]));
        assert!(passes(Most::OfALine, &[&half, b"\n", &half, b"\n\n", &half, b"x\n"]));
        assert!(passes(Most::OfAll, &[&half, &half, &half, &half]));
        assert!(!passes(Most::OfAll, &[&half, &half, b"\n", &half, &half]));
    }

    #[test]
    fn watches_are_told_from_lists() {
        let is_watch = |uri: &str| is_watch(&uri.parse().unwrap());
        assert!(is_watch("/api/v1/pods?&watch=true&timeoutSeconds=60"));
        assert!(!is_watch("/api/v1/pods?&limit=100"));
        assert!(!is_watch("/api/v1/pods"));
    }

    #[tokio::test]
    async fn large_bodies_are_read_one_after_the_other_and_small_ones_at_any_time() {
        let large = Arc::new(Semaphore::new(1));
        let body = |pieces: usize| {
            let piece = || Ok::<_, std::convert::Infallible>(vec![b'x'; usize::try_from(SMALL).unwrap()]);
            let stream = futures_util::stream::repeat_with(piece).take(pieces);
            Counted::new(Foreign::from_stream(stream), Most::OfAll, large.clone())
        };
        let next = async |body: &mut Counted<Foreign>| {
            std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await.map(Result::unwrap)
        };
        let (mut one, mut other) = (body(4), body(4));
        for _ in 0..3 {
            assert!(next(&mut one).await.is_some());
        }
        assert!(next(&mut other).await.is_some());
        assert!(next(&mut other).await.is_some());
        assert!(next(&mut other).now_or_never().is_none(), "the other is large, and waits");
        assert!(next(&mut body(1)).now_or_never().is_some(), "a small one does not");
        drop(one);
        assert!(next(&mut other).await.is_some());
    }

    proptest! {
        #[test]
        fn a_line_is_as_long_as_it_is_however_it_comes(
            lines in prop::collection::vec(0..9_usize, 1..9), cuts in prop::collection::vec(0..40_usize, 0..9)
        ) {
            let text = lines.iter().map(|length| "x".repeat(*length)).collect::<Vec<_>>().join("\n");
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let mut counted = counted(Most::OfALine);
            for pair in cuts.windows(2) {
                prop_assert!(counted.count(&text.as_bytes()[pair[0]..pair[1]]).is_ok());
            }
            prop_assert_eq!(counted.so_far, *lines.last().unwrap() as u64);
        }
    }
}
