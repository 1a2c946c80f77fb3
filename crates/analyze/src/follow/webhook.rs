//! Alerts by HTTP: each is a POST of JSON, taken if the answer is a 2xx.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::definition::webhook::{TokenPlace, Webhook};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// So much of an answer is read.
const ANSWER_BYTES_MOST: usize = 64 << 10;

/// Sends to one address.
pub struct Client {
    url: String,
    uri: Uri,
    authority: String,
    authorization: Option<HeaderValue>,
}

impl Client {
    /// For this address, with its token.
    ///
    /// # Errors
    ///
    /// If the token isn't where it should be.
    pub fn new(webhook: &Webhook) -> anyhow::Result<Self> {
        let uri = webhook.url.parse::<Uri>()?;
        let authority = uri
            .authority()
            .context("a webhook has no host")?
            .to_string();
        let authorization = webhook.token.as_ref().map(authorization).transpose()?;
        Ok(Self {
            url: webhook.url.clone(),
            uri,
            authority,
            authorization,
        })
    }

    /// The whole address, which may have a secret in it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What is no secret of it.
    pub fn address(&self) -> String {
        format!("http://{}", self.authority)
    }

    /// Sends an alert.
    ///
    /// # Errors
    ///
    /// If there is no answer in time, or another one than 2xx.
    pub async fn post(&self, id: &str, body: String) -> anyhow::Result<()> {
        let answered = tokio::time::timeout(PATIENCE, self.send(id, body)).await;
        let (status, said) = answered.map_err(|_| anyhow!("no answer in 10 s"))??;
        if status.is_success() {
            return Ok(());
        }
        let said = said.lines().next().unwrap_or_default();
        let said = said.chars().filter(|c| !c.is_control()).take(200);
        bail!("it answers {status} {}", said.collect::<String>());
    }

    async fn send(&self, id: &str, body: String) -> anyhow::Result<(StatusCode, String)> {
        let host = self.uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = self.uri.port_u16().unwrap_or(80);
        let stream = TcpStream::connect((host, port)).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::post(path)
            .header(HOST, &self.authority)
            .header(CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", id);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let answer = sender
            .send_request(request.body(Full::new(Bytes::from(body)))?)
            .await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MOST)
            .collect()
            .await;
        connection.abort();
        // What it says beside the status matters little.
        let said = body.map(|body| body.to_bytes()).unwrap_or_default();
        Ok((status, String::from_utf8_lossy(&said).into_owned()))
    }
}

/// The header with a token. Neither the token nor what is wrong with it is shown.
fn authorization(place: &TokenPlace) -> anyhow::Result<HeaderValue> {
    let (token, from) = match place {
        TokenPlace::Variable(name) => {
            let token = std::env::var(name);
            let token = token.map_err(|_| {
                anyhow!("the variable {name}, which has the webhook's token, isn't set")
            });
            (token?, format!("the variable {name}"))
        }
        TokenPlace::File(path) => {
            let token = std::fs::read_to_string(path);
            let token =
                token.with_context(|| format!("reading the webhook's token in {}", path.display()));
            (token?, path.display().to_string())
        }
    };
    let token = token.trim();
    let header = HeaderValue::try_from(format!("Bearer {token}")).ok();
    let mut header = header.filter(|_| !token.is_empty()).ok_or_else(|| {
        anyhow!("{from} holds no token: it is empty, or has something in it that no header takes")
    })?;
    header.set_sensitive(true);
    Ok(header)
}
