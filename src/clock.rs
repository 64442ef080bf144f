//! The runtime's clock: real, faster (the demo), or moved manually (the tests). The core never sees it.

use crate::deploy::Time;
use chrono::{TimeDelta, Utc};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Tells the time and waits for it. Cheap to clone; all clones agree.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
enum Inner {
    Real,
    Faster { start: Time, epoch: Instant, speed: f64 },
    ByHand(watch::Sender<Time>),
}

impl Clock {
    /// The wall clock.
    pub fn real() -> Self {
        Self(Arc::new(Inner::Real))
    }

    /// Starts at the wall clock's time and runs `speed` times as fast.
    pub fn faster(speed: f64) -> Self {
        Self(Arc::new(Inner::Faster { start: Utc::now(), epoch: Instant::now(), speed }))
    }

    /// Stands still until [`Clock::set`] moves it.
    pub fn manual(start: Time) -> Self {
        Self(Arc::new(Inner::ByHand(watch::Sender::new(start))))
    }

    /// Moves a clock that is moved manually, and wakes whoever waited for that time. Others ignore it.
    pub fn set(&self, now: Time) {
        if let Inner::ByHand(time) = &*self.0 {
            time.send_replace(now);
        }
    }

    /// The time.
    pub fn now(&self) -> Time {
        match &*self.0 {
            Inner::Real => Utc::now(),
            Inner::Faster { start, epoch, speed } => {
                *start + TimeDelta::nanoseconds((epoch.elapsed().as_nanos() as f64 * speed) as i64)
            }
            Inner::ByHand(time) => *time.borrow(),
        }
    }

    /// How many times as fast as the wall clock it runs; 1 for a clock moved manually.
    pub fn speed(&self) -> f64 {
        match &*self.0 {
            Inner::Faster { speed, .. } => *speed,
            Inner::Real | Inner::ByHand(_) => 1.0,
        }
    }

    /// Waits until the clock shows `at`. Returns at once when it already does.
    pub async fn sleep_until(&self, at: Time) {
        match &*self.0 {
            Inner::Real | Inner::Faster { .. } => {
                let left = (at - self.now()).to_std().unwrap_or_default();
                tokio::time::sleep(Duration::from_secs_f64(left.as_secs_f64() / self.speed())).await;
            }
            Inner::ByHand(time) => {
                // The sender lives as long as this clock does, so this only ends when the time has come.
                let _ = time.subscribe().wait_for(|now| *now >= at).await;
            }
        }
    }

    /// Waits for a while, as this clock counts it.
    pub async fn sleep(&self, span: TimeDelta) {
        self.sleep_until(self.now() + span).await;
    }
}
