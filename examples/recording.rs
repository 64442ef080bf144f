//! Makes the README's pictures: plays the demo's scenarios on a simulated clock, and writes what the screen
//! shows as SVG, and a rollback from the first red flag to its end as a recording (asciicast v2) and an animated SVG.
//!
//! `cargo run --example recording -- docs/pictures` regenerates all of them.

#[path = "recording/cast.rs"]
mod cast;
#[path = "recording/stage.rs"]
mod stage;
#[path = "recording/svg.rs"]
mod svg;

use redflag::demo::Scenario;
use redflag::rollback::Rollback;
use redflag::verdict::Verdict;
use stage::{Stage, Take};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// Columns and rows of all pictures.
const SIZE: (u16, u16) = (120, 40);

type Done = Result<(), Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done {
    let folder = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("docs/pictures"), PathBuf::from);
    fs::create_dir_all(&folder)?;
    picture(&folder, "faulty", Scenario::BadRelease, "dark", async |stage| {
        stage.until(60, |watch| watch.verdict() == Verdict::Faulty).await?;
        stage.seconds(240).await
    })
    .await?;
    picture(&folder, "peace", Scenario::Healthy, "light", async |stage| stage.seconds(20 * 60).await).await?;
    picture(&folder, "board", Scenario::Fleet, "dark", async |stage| {
        stage.until(60, |watch| watch.verdict() == Verdict::Faulty).await?;
        stage.seconds(300).await
    })
    .await?;
    rollback(&folder).await
}

async fn picture(
    folder: &Path,
    name: &str,
    scenario: Scenario,
    theme: &str,
    play: impl AsyncFnOnce(&mut Stage) -> Done,
) -> Done {
    let mut stage = Stage::open(scenario, theme, SIZE).await?;
    play(&mut stage).await?;
    let still = [Take { lasting: 1.0, screen: stage.screen().clone() }];
    fs::write(folder.join(format!("{name}.svg")), svg::of(&still, theme == "light"))?;
    Ok(())
}

/// A bad release: seen, read, rolled back, verified.
async fn rollback(folder: &Path) -> Done {
    let mut stage = Stage::open(Scenario::BadRelease, "dark", SIZE).await?;
    stage.seconds(30).await?;
    stage.record(0.12, 6);
    stage.until(60, |watch| watch.verdict() == Verdict::Faulty).await?;
    stage.hold(3.0);
    stage.press('R').await?;
    stage.hold(4.0);
    stage.seconds(2).await?;
    stage.press('y').await?;
    stage.record(0.12, 4);
    stage.until(60, |watch| matches!(watch.rollback(), Rollback::Verified { .. })).await?;
    stage.hold(4.0);
    let takes = stage.taken();
    fs::write(folder.join("rollback.svg"), svg::of(&takes, false))?;
    fs::write(folder.join("rollback.cast"), cast::of(&takes)?)?;
    Ok(())
}
