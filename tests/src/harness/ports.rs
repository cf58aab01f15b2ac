//! Free ports of 127.0.0.1.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use super::Error;

/// A port that is free now. Somebody else may take it before it is used; then the start fails and says so.
///
/// # Errors
/// When none is free.
pub fn free() -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::Port)?;
    Ok(listener.local_addr().map_err(Error::Port)?.port())
}

/// The wished port, or the next free one after it that is not in `taken`.
///
/// # Errors
/// When none of the next hundred is free.
pub fn from(wished: u16, taken: &[u16]) -> Result<u16, Error> {
    let mut last = std::io::Error::from(std::io::ErrorKind::AddrInUse);
    for port in (wished..=u16::MAX).take(100).filter(|p| !taken.contains(p)) {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(e) => last = e,
        }
    }
    Err(Error::Port(last))
}

/// The address of a local port.
pub fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
