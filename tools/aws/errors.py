"""Translate what botocore raises into the project's error tree, once."""

from novaforge.guards.errors import AwsError, ConfigError, ConflictError, NotFoundError, NovaForgeError
from novaforge.guards.text import clean

NOT_FOUND = {
    "ResourceNotFound",
    "ResourceNotFoundException",
    "NoSuchEntity",
    "NoSuchKey",
    "NoSuchBucket",
    "404",
    "NotFound",
    "NoSuchUpload",
}
CONFLICT = {
    "ResourceInUse",
    "ResourceInUseException",
    "ResourceConflictException",
    "EntityAlreadyExists",
    "ConflictException",
    "PreconditionFailed",
    "412",
}
# SageMaker reports both through ValidationException; only the wording tells them apart.
NOT_FOUND_WORDS = ("could not find", "does not exist", "not found", "requested resource not found")
CONFLICT_WORDS = ("already exists", "already existing", "cannot create already existing")

REMEDIES = {
    "AccessDenied": "ask the account's administrator for this action, or use another profile",
    "AccessDeniedException": "ask the account's administrator for this action, or use another profile",
    "ExpiredToken": "sign in again: the credentials have expired",
    "ExpiredTokenException": "sign in again: the credentials have expired",
    "UnrecognizedClientException": "check the access key and profile",
    "InvalidClientTokenId": "check the access key and profile",
    "ThrottlingException": "wait a minute and call again",
    "Throttling": "wait a minute and call again",
    "ResourceLimitExceeded": "ask for a higher quota in the Service Quotas console, or use fewer or other instances",
    "ModelError": "correct what the model server says; max_tokens and the messages share the deployment's CONTEXT_LENGTH",
    "NoSuchBucket": "create the bucket first, or correct the URI",
}

NO_CREDENTIALS = {
    "NoCredentialsError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "TokenRetrievalError",
    "CredentialRetrievalError",
    "SSOError",
    "LoginError",
}
BAD_CONFIGURATION = {"InvalidConfigError", "ConfigParseError", "ConfigNotFound"}
"""Names of botocore's exceptions, or of their bases, that are raised before a request is sent."""

OTHERWISE = "correct what AWS's message names, then call again"


def translate(error: BaseException, operation: str) -> BaseException:
    """Return the project's error for a botocore exception; any other exception is returned as it is."""
    if isinstance(error, NovaForgeError):
        return error
    name = type(error).__name__
    kinds = {base.__name__ for base in type(error).__mro__}
    if kinds & NO_CREDENTIALS:
        return ConfigError(
            f"No usable AWS credentials: {error}", fix="set AWS_PROFILE in the client's configuration or sign in"
        )
    if kinds & BAD_CONFIGURATION:
        return ConfigError(
            f"The AWS configuration cannot be used: {error}", fix="correct the AWS configuration file it names"
        )
    if name in {"EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError"}:
        return AwsError(
            f"{operation} did not answer: {error}",
            operation=operation,
            code=name,
            fix="check the network and call again",
        )
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return error
    return _from_response(response, operation)


def broken_off(error: BaseException) -> BaseException:
    """Return the project's error for an S3 body that cannot be read to its end."""
    known = translate(error, "s3:GetObject")
    if known is not error:
        return known
    name = type(error).__name__
    return AwsError(f"Reading from S3 broke off: {name}.", operation="s3:GetObject", code=name, fix="call again")


def _from_response(response: dict[str, object], operation: str) -> AwsError:
    detail = response.get("Error")
    meta = response.get("ResponseMetadata")
    fields = detail if isinstance(detail, dict) else {}
    code, text = str(fields.get("Code", "Unknown")), clean(str(fields.get("Message", "")), 800)
    request_id, http_status = "", 0
    if isinstance(meta, dict):
        request_id, http_status = str(meta.get("RequestId", "")), int(meta.get("HTTPStatusCode", 0))
    kind = _kind(code, text.lower())
    return kind(
        f"{operation} failed with {code}: {text}",
        operation=operation,
        code=code,
        request_id=request_id,
        fix=REMEDIES.get(code, OTHERWISE),
        aws_message=text,
        http_status=http_status,
    )


def _kind(code: str, text: str) -> type[AwsError]:
    vague = code in {"ValidationException", "ValidationError", "ResourceLimitExceeded"}
    if code in NOT_FOUND or (vague and any(words in text for words in NOT_FOUND_WORDS)):
        return NotFoundError
    if code in CONFLICT or (vague and any(words in text for words in CONFLICT_WORDS)):
        return ConflictError
    return AwsError
