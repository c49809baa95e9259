//! The runner's end of a tenant's connection, and the door where tenants show their token.

use jostle_protocol::{
    line::{HELLO_LIMIT, LIMIT, LineError, Lines, encode},
    tenant::{FromTenant, ToTenant},
    token::Token,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// A connection that speaks in lines.
#[derive(Debug)]
pub struct Control {
    stream: TcpStream,
    lines: Lines,
}

impl Control {
    /// Sends one order.
    pub async fn say(&mut self, order: &ToTenant) -> Result<(), String> {
        let line = encode(order).map_err(|error| error.to_string())?;
        self.stream.write_all(&line).await.map_err(|error| error.to_string())
    }

    /// Waits for its next message.
    pub async fn hear(&mut self) -> Result<FromTenant, String> {
        self.hear_by(Lines::take).await
    }

    /// Says why it is turned away.
    pub async fn refuse(&mut self, why: &str) {
        // Who is turned away may be gone already.
        drop(self.say(&ToTenant::Refused { why: why.to_owned() }).await);
    }

    async fn hear_by(
        &mut self,
        take: impl Fn(&mut Lines) -> Result<Option<FromTenant>, LineError>,
    ) -> Result<FromTenant, String> {
        let mut chunk = vec![0; 16 * 1024];
        loop {
            if let Some(message) = take(&mut self.lines).map_err(|error| error.to_string())? {
                return Ok(message);
            }
            match self.stream.read(&mut chunk).await {
                Ok(0) => return Err("it closed the connection".to_owned()),
                Ok(count) => self.lines.push(&chunk[..count]),
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

/// Connections whose peer has not shown its token yet. All are heard at once: a silent one holds up nobody.
#[derive(Debug, Default)]
pub struct Newcomers(JoinSet<Option<(u32, Control)>>);

impl Newcomers {
    /// Most that are heard at once; more are turned away unheard.
    const MOST: usize = 1024;

    /// Hears who it is.
    pub fn welcome(&mut self, stream: TcpStream, token: Token) {
        if self.0.len() < Self::MOST {
            self.0.spawn(admit(stream, token));
        }
    }

    /// The next one that has the token, as the tenant that it says it is; `None` where nobody is heard.
    pub async fn next(&mut self) -> Option<(u32, Control)> {
        loop {
            if let Ok(Some(admitted)) = self.0.join_next().await? {
                return Some(admitted);
            }
        }
    }
}

async fn admit(stream: TcpStream, token: Token) -> Option<(u32, Control)> {
    // Messages are small and each is waited for: none may wait for company.
    stream.set_nodelay(true).ok()?;
    let mut control = Control { stream, lines: Lines::new(HELLO_LIMIT) };
    let why = match control.hear_by(Lines::take_first).await {
        Ok(FromTenant::Hello { token: shown, tenant, .. }) if shown == token => {
            control.lines.set_limit(LIMIT);
            return Some((tenant, control));
        }
        Ok(FromTenant::Hello { .. }) => "wrong token: it is no tenant of this run".to_owned(),
        Ok(_) => "the first message must be hello".to_owned(),
        Err(why) => why,
    };
    control.refuse(&why).await;
    None
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use jostle_protocol::VERSION;
    use tokio::net::TcpListener;

    use super::*;

    async fn connect(listener: &TcpListener, newcomers: &mut Newcomers, token: &Token) -> Control {
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        newcomers.welcome(listener.accept().await.unwrap().0, token.clone());
        Control { stream, lines: Lines::new(LIMIT) }
    }

    async fn say(peer: &mut Control, bytes: &[u8]) {
        peer.stream.write_all(bytes).await.unwrap();
    }

    async fn heard(peer: &mut Control) -> String {
        let mut chunk = vec![0; 4096];
        let count = peer.stream.read(&mut chunk).await.unwrap();
        String::from_utf8_lossy(&chunk[..count]).into_owned()
    }

    /// Only who has the token and this version comes in; the others are told why; a silent one holds up nobody.
    #[tokio::test]
    async fn the_door_is_kept() {
        let token = Token::random().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut newcomers = Newcomers::default();
        let hello = |version, token: Token| encode(&FromTenant::Hello { version, token, tenant: 5 }).unwrap();

        let _silent = connect(&listener, &mut newcomers, &token).await;
        let mut wrong = connect(&listener, &mut newcomers, &token).await;
        say(&mut wrong, &hello(VERSION, Token::random().unwrap())).await;
        let mut old = connect(&listener, &mut newcomers, &token).await;
        say(&mut old, &hello(VERSION + 1, token.clone())).await;
        let mut rude = connect(&listener, &mut newcomers, &token).await;
        say(&mut rude, &[b'x'; HELLO_LIMIT + 1]).await;
        let mut right = connect(&listener, &mut newcomers, &token).await;
        say(&mut right, &hello(VERSION, token.clone())).await;

        let (tenant, mut control) = newcomers.next().await.unwrap();
        assert_eq!(tenant, 5);
        control.say(&ToTenant::Reset).await.unwrap();
        assert!(heard(&mut right).await.contains("reset"));
        for (peer, why) in [(&mut wrong, "wrong token"), (&mut old, "version 2"), (&mut rude, "longer than 4096")] {
            let told = heard(peer).await;
            assert!(told.contains("refused") && told.contains(why), "{told}");
        }
    }
}
