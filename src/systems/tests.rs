//! What holds of several systems alike.

mod http;
mod scrapes;
