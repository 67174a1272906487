"""An OpenID provider made of pyop (https://github.com/IdentityPython/pyOP), which nobody here wrote: discovery, codes,
ID tokens, UserInfo, refresh tokens and logout are the library's. What is here is only its doors: HTTP, a sign-in page,
and two doors for the test (another key, somebody's refresh tokens gone).

    provider.py '{"port": 1234, "clients": {…}, "people": {"ada": {"name": "Ada Lovelace", …}}}'
"""

import html
import json
import secrets
import sys
import time
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from Cryptodome.PublicKey import RSA
from jwkest.jwk import RSAKey
from oic.oic.message import EndSessionRequest
from pyop.authz_state import AuthorizationState
from pyop.exceptions import BearerTokenError, InvalidAuthenticationRequest, InvalidClientAuthentication, OAuthError
from pyop.provider import Provider
from pyop.subject_identifier import HashBasedSubjectIdentifierFactory
from pyop.userinfo import Userinfo

options = json.loads(sys.argv[1])
issuer = f"http://127.0.0.1:{options['port']}"
people = options["people"]
sessions = {}
signed_in = {}
addresses = {
    "issuer": issuer,
    "authorization_endpoint": f"{issuer}/authorize",
    "token_endpoint": f"{issuer}/token",
    "userinfo_endpoint": f"{issuer}/userinfo",
    "jwks_uri": f"{issuer}/jwks",
    "end_session_endpoint": f"{issuer}/logout",
}


def new_key():
    return RSAKey(key=RSA.generate(2048), alg="RS256", use="sig", kid=secrets.token_hex(8))


provider = Provider(
    new_key(),
    {
        **{name: address.replace("http:", "https:") for name, address in addresses.items()},
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
        "claims_parameter_supported": True,
    },
    AuthorizationState(
        HashBasedSubjectIdentifierFactory("a salt for the tests"),
        refresh_token_lifetime=86400,
        refresh_token_threshold=86400,
    ),
    options["clients"],
    Userinfo(people),
)
# pyop insists on https when it is made; on this machine the tests speak http.
provider.configuration_information.update(addresses)
# A former key is published until nobody can hold one of its tokens any more; pyop itself knows one key only.
former_keys = []



def told_of(user, _client):
    """Who signed in when, the doors know, and pyop leaves it to them to tell."""
    return {"auth_time": signed_in[user]}


class Doors(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path, query = urlsplit(self.path).path, urlsplit(self.path).query
        if path == "/.well-known/openid-configuration":
            self.json(200, provider.provider_configuration.to_dict())
        elif path == "/jwks":
            self.json(200, {"keys": provider.jwks["keys"] + [key.serialize() for key in former_keys]})
        elif path == "/authorize":
            self.authorize(query)
        elif path == "/userinfo":
            self.userinfo(query)
        elif path == "/logout":
            self.logout(query)
        else:
            self.json(404, {})

    def do_POST(self):
        path = urlsplit(self.path).path
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if path == "/login":
            form = parse_qs(body)
            user = form["user"][0]
            session = secrets.token_hex(16)
            sessions[session] = user
            signed_in[user] = int(time.time())
            cookie = f"pyop={session}; Path=/; HttpOnly; SameSite=Lax"
            self.answer(303, headers={"Location": f"/authorize?{form['request'][0]}", "Set-Cookie": cookie})
        elif path == "/token":
            self.token(body)
        elif path == "/test/rotate-key":
            former_keys[:] = [] if body == "drop" else [provider.signing_key]
            provider.signing_key = new_key()
            self.answer(204)
        elif path == "/test/forget-refresh-tokens":
            provider.authz_state.refresh_tokens.clear()
            self.answer(204)
        else:
            self.json(404, {})

    def named_headers(self):
        """pyop looks for `Authorization`; names of headers may come in any case (RFC 9110 §5.1)."""
        return {name.title(): value for name, value in self.headers.items()}

    def user(self):
        session = SimpleCookie(self.headers.get("Cookie", "")).get("pyop")
        return sessions.get(session.value) if session else None

    def authorize(self, query):
        try:
            request = provider.parse_authentication_request(query)
        except InvalidAuthenticationRequest as error:
            location = error.to_error_url()
            if location:
                return self.answer(303, headers={"Location": location})
            return self.answer(400, f"<p>{html.escape(str(error))}</p>")
        user = self.user()
        if user is None or "login" in request.get("prompt", []) and "seen" not in query:
            return self.sign_in_page(query)
        response = provider.authorize(request, user)
        self.answer(303, headers={"Location": response.request(request["redirect_uri"])})

    def sign_in_page(self, query):
        hidden = f'<input type="hidden" name="request" value="{html.escape(query)}&amp;seen=1">'
        buttons = [
            f'<button name="user" value="{user}" id="person-{user}">{user}</button>' for user in people
        ]
        page = f'<form method="post" action="/login">{hidden}{"".join(buttons)}</form>'
        self.answer(200, f'<!doctype html><html lang="en"><title>Who are you?</title>{page}')

    def token(self, body):
        try:
            answer = provider.handle_token_request(body, self.named_headers(), told_of)
            self.json(200, answer.to_dict())
        except InvalidClientAuthentication as error:
            self.json(401, {"error": "invalid_client", "error_description": str(error)})
        except OAuthError as error:
            self.json(400, {"error": error.oauth_error, "error_description": str(error)})

    def userinfo(self, query):
        try:
            self.json(200, provider.handle_userinfo_request(query, self.named_headers()).to_dict())
        except (BearerTokenError, OAuthError):
            self.json(401, {"error": "invalid_token"})

    def logout(self, query):
        request = EndSessionRequest().deserialize(query, "urlencoded")
        # pyop knows by the hint alone whose session is to end.
        if "id_token_hint" in request:
            provider.logout_user(end_session_request=request)
        session = SimpleCookie(self.headers.get("Cookie", "")).get("pyop")
        if session:
            sessions.pop(session.value, None)
        location = provider.do_post_logout_redirect(request)
        if location:
            self.answer(303, headers={"Location": location})
        else:
            self.answer(200, "<p>You are signed out.</p>")

    def json(self, status, content):
        self.answer(status, json.dumps(content), {"Content-Type": "application/json"})

    def answer(self, status, body="", headers=()):
        sent = body.encode()
        self.send_response(status)
        all_headers = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", **dict(headers)}
        for name, value in all_headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", options["port"]), Doors).serve_forever()
