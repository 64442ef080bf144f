//! The door of the fuzz targets: what answers in place of the network and of programs, so that a whole adapter reads
//! what libFuzzer makes up. Only with the feature `fuzzing`; no build that ships knows of it. See `fuzz/`.

use crate::program::Output;
use reqwest::{RequestBuilder, Response, ResponseBuilderExt};
use std::cell::RefCell;
use std::ffi::OsString;
use std::future::Future;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::rc::Rc;
use std::sync::LazyLock;
use tokio::runtime::{Builder, Runtime};

/// An answer of a server.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The HTTP status; one that is none becomes 500.
    pub status: u16,
    /// Headers; those that cannot be sent are left out.
    pub headers: Vec<(String, String)>,
    /// The body, as it came after decompression.
    pub body: Vec<u8>,
}

/// What a program did.
#[derive(Debug, Clone, Default)]
pub struct Ran {
    /// Its exit status.
    pub code: u8,
    /// What it wrote to its standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error output.
    pub stderr: Vec<u8>,
}

/// Everything that is not redflag.
pub trait Outside {
    /// Answers a request, told as `GET /path?query` and its body, one after the other.
    fn answer(&self, request: &str) -> Answer;

    /// Runs a program, told as its arguments with a space between them.
    fn run(&self, command: &str) -> Ran;
}

thread_local! {
    static OUTSIDE: RefCell<Option<Rc<dyn Outside>>> = const { RefCell::new(None) };
}

static RUNTIME: LazyLock<Option<Runtime>> = LazyLock::new(|| Builder::new_current_thread().enable_all().build().ok());

/// Runs something to its end, whose requests and programs go nowhere but to `outside`. `None` where the system gives
/// no runtime.
pub fn alone_with<T>(outside: impl Outside + 'static, work: impl Future<Output = T>) -> Option<T> {
    OUTSIDE.set(Some(Rc::new(outside)));
    let done = RUNTIME.as_ref().map(|runtime| runtime.block_on(work));
    OUTSIDE.set(None);
    done
}

fn outside() -> Option<Rc<dyn Outside>> {
    OUTSIDE.with_borrow(Clone::clone)
}

/// The answer to a request, where somebody stands in for the network.
pub(crate) fn answered(request: &RequestBuilder) -> Option<Response> {
    let outside = outside()?;
    let request = request.try_clone()?.build().ok()?;
    let url = request.url().clone();
    let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
    let query = url.query().unwrap_or_default();
    let told = format!("{} {}?{query}\n{}", request.method(), url.path(), String::from_utf8_lossy(body));
    let Answer { status, headers, body } = outside.answer(&told);
    let mut response = http::Response::builder().url(url).status(status.clamp(100, 999)).body(body).ok()?;
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name), http::HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    Some(response.into())
}

/// What a program did, where somebody stands in for programs.
pub(crate) fn ran(argv: &[OsString]) -> Option<Output> {
    let outside = outside()?;
    let words: Vec<_> = argv.iter().map(|word| word.to_string_lossy()).collect();
    let Ran { code, stdout, stderr } = outside.run(&words.join(" "));
    Some(Output {
        wrote: stdout.len() as u64,
        status: ExitStatus::from_raw(i32::from(code) << 8),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    })
}
