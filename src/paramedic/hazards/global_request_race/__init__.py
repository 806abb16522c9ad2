"""Two global requests wait for a reply on one Transport. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC107",
    name="global-request-race",
    family=Family.SHARING,
    summary="two global requests or re-keys are in flight on one Transport, which has room for one reply",
    symptom=(
        "request_port_forward(…, 0) returns 0 or another thread's port; SSHException: TCP forwarding request "
        "denied at random; or the call waits for the other thread's reply"
    ),
    why=(
        "Transport.global_request (transport.py) keeps the event in self.completion_event and the reply in "
        "self.global_response, one slot each; renegotiate_keys and _parse_newkeys use the same "
        "completion_event"
    ),
    fix=(
        "Hold one lock around every request_port_forward, cancel_port_forward, global_request and "
        "renegotiate_keys of a transport."
    ),
    change="""\
- port = transport.request_port_forward(name, 0, handler)
+ with requests_lock:
+     port = transport.request_port_forward(name, 0, handler)
""",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/1710",
        "https://github.com/paramiko/paramiko/issues/975",
        "https://github.com/paramiko/paramiko/issues/2005",
    ),
    paramiko_bug=True,
)
