"""TLS: builds the context from the user's files, and explains failed handshakes."""

from __future__ import annotations

import ssl

from lm_eval.errors import ConfigError

__all__ = ["make_context", "what_failed"]

_HOST_MISMATCH, _ADDRESS_MISMATCH, _EXPIRED = 62, 64, 10
_UNCHECKED = "or turn the check off: verify_certificate=false"
_NO_TLS = ("WRONG_VERSION_NUMBER", "UNEXPECTED_MESSAGE", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH")
_REFUSALS = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE", "ACCESS_DENIED")


def make_context(
    verify_certificate: bool, ca_cert_path: str | None, client_cert: str | None, client_key: str | None
) -> ssl.SSLContext | bool:
    """Build the value of aiohttp's ``ssl`` argument.

    Args:
        verify_certificate: Whether the server's certificate is checked.
        ca_cert_path: A file of certificates to trust.
        client_cert: The client's certificate.
        client_key: Its key, when it is not in the same file.

    Returns:
        A context; True for the default checks, False for no checks.

    Raises:
        ConfigError: A file cannot be used.
    """
    if client_key is not None and client_cert is None:
        raise ConfigError("client_key is given without client_cert, the certificate it belongs to.")
    trusted = ca_cert_path if verify_certificate else None
    if trusted is None and client_cert is None:
        return verify_certificate
    try:
        context = ssl.create_default_context(cafile=trusted)
    except OSError as error:
        raise _unusable(error, "certificates", ca_cert_path=trusted) from error
    if not verify_certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if client_cert is not None:
        try:
            # With an empty password an encrypted key is an error; without a password, OpenSSL asks at the terminal.
            context.load_cert_chain(client_cert, client_key, password="")
        except OSError as error:
            what = "a certificate and its key, without a password,"
            raise _unusable(error, what, client_cert=client_cert, client_key=client_key) from error
    return context


def _unusable(error: OSError, what: str, **files: str | None) -> ConfigError:
    names = " with ".join(f"{name}={path}" for name, path in files.items() if path is not None)
    if isinstance(error, ssl.SSLError):
        return ConfigError(f"{names} cannot be used ({error.strerror}); it takes {what} as PEM.")
    return ConfigError(f"{names} cannot be read: {error.strerror}.")


def what_failed(error: BaseException) -> tuple[str, str] | None:
    """Explain a TLS failure.

    Args:
        error: The exception that aiohttp raised.

    Returns:
        What happened and what the user can try; None if TLS did not fail.
    """
    found = _ssl_error(error)
    if found is None:
        return None
    if isinstance(found, ssl.SSLCertVerificationError):
        return _distrust(found)
    reason = str(found.reason or "")
    said = reason.lower().replace("_", " ")
    if "_ALERT_" in reason and any(word in reason for word in _REFUSALS):
        return f"the server refused this client ({said})", "give the certificate it asks for with client_cert=FILE"
    if any(word in reason for word in _NO_TLS):
        return f"the server does not speak it ({said})", "write base_url with http://, or with the port for https"
    return None


def _distrust(error: ssl.SSLCertVerificationError) -> tuple[str, str]:
    said = error.verify_message
    if error.verify_code in (_HOST_MISMATCH, _ADDRESS_MISMATCH):
        return f"the server's certificate is for another name ({said})", f"use that name in base_url, {_UNCHECKED}"
    if error.verify_code == _EXPIRED:
        return f"the server's certificate has expired ({said})", f"have it renewed, {_UNCHECKED}"
    advice = f"name the certificate of its authority with ca_cert_path=FILE, {_UNCHECKED}"
    return f"the server's certificate is not trusted ({said})", advice


def _ssl_error(error: BaseException | None) -> ssl.SSLError | None:
    """Find the error of the ssl module in an exception of aiohttp, whose subclass lacks the details."""
    if error is None:
        return None
    for carried in (getattr(error, "certificate_error", None), getattr(error, "os_error", None), error):
        if isinstance(carried, ssl.SSLError) and hasattr(carried, "reason"):
            return carried
    return _ssl_error(error.__cause__)
