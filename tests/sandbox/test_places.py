"""Storage, hub, prices and quotas of the sandbox account."""

import json
import threading
import urllib.error
import urllib.request
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.guards.errors import AwsError, ConflictError, NotFoundError
from novaforge.server.sandbox.settings import BUCKET, SandboxSettings
from novaforge.server.sandbox.testing import RunningSandbox, serve
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.aws.uploads import PART_BYTES
from novaforge.tools.catalog.recipes import HUB_CONTENT, HUB_NAME, RECIPES, template_yaml


def test_storage_writes_once_in_one_piece_or_in_parts(storage: Storage) -> None:
    for size, name in ((5, "small"), (2 * PART_BYTES + 7, "large")):
        uri = f"s3://{BUCKET}/storage/{name}"
        storage.put(uri, b"x" * size)
        assert storage.stat(uri).bytes == size
        with pytest.raises(ConflictError):
            storage.put(uri, b"other")
        assert storage.stat(uri).bytes == size


def test_of_many_writers_at_once_one_wins(aws: Aws) -> None:
    client, codes = aws.client("s3"), []

    def put(number: int) -> None:
        try:
            client.put_object(Bucket=BUCKET, Key="race", Body=str(number).encode(), IfNoneMatch="*")
        except client.exceptions.ClientError as error:
            codes.append(error.response["Error"]["Code"])

    writers = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert codes == ["PreconditionFailed"] * 7


def test_a_finished_upload_does_not_replace_an_object_that_appeared(aws: Aws) -> None:
    where = {"Bucket": BUCKET, "Key": "parts"}
    upload = aws.call("s3", "create_multipart_upload", **where)["UploadId"]
    part = aws.call("s3", "upload_part", **where, UploadId=upload, PartNumber=1, Body=b"late")["ETag"]
    aws.call("s3", "put_object", **where, Body=b"first")
    parts = {"Parts": [{"ETag": part, "PartNumber": 1}]}
    with pytest.raises(ConflictError):
        aws.call("s3", "complete_multipart_upload", **where, UploadId=upload, MultipartUpload=parts, IfNoneMatch="*")
    assert aws.call("s3", "get_object", **where)["Body"].read() == b"first"


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20))
def test_any_key_is_kept_as_it_is(aws: Aws, name: str) -> None:
    key = f"keys/{name}/x"
    aws.call("s3", "put_object", Bucket=BUCKET, Key=key, Body=key.encode())
    assert aws.call("s3", "get_object", Bucket=BUCKET, Key=key)["Body"].read() == key.encode()


def test_the_account_has_one_bucket_and_cannot_write_to_the_hubs(aws: Aws) -> None:
    assert [bucket["Name"] for bucket in aws.call("s3", "list_buckets")["Buckets"]] == [BUCKET]
    with pytest.raises(AwsError) as refused:
        aws.call("s3", "put_object", Bucket="jumpstart-cache-prod-us-east-1", Key="recipes/x", Body=b"")
    assert refused.value.code == "AccessDenied"


def test_every_recipe_is_found_through_the_hub_and_its_templates_in_s3(aws: Aws, storage: Storage) -> None:
    found = aws.call(
        "sagemaker", "describe_hub_content", HubName=HUB_NAME, HubContentType="Model", HubContentName=HUB_CONTENT
    )
    entries = {entry["Name"]: entry for entry in json.loads(found["HubContentDocument"])["RecipeCollection"]}
    assert entries.keys() == RECIPES.keys()
    for name, entry in entries.items():
        assert storage.read(entry["SmtjRecipeTemplateS3Uri"]).decode() == template_yaml(name)
        assert json.loads(storage.read(entry["SmtjOverrideParamsS3Uri"]))
    names = aws.call("sagemaker", "list_hub_contents", HubName=HUB_NAME, HubContentType="Model")["HubContentSummaries"]
    assert [row["HubContentName"] for row in names] == [HUB_CONTENT]


@pytest.mark.parametrize(
    "change",
    [
        {"HubContentName": "llama"},
        {"HubName": "OtherHub"},
        {"HubContentVersion": "9.9.9"},
        {"HubContentType": "DataSet"},
    ],
)
def test_unknown_hub_content_is_not_found(aws: Aws, change: dict[str, str]) -> None:
    wanted = {"HubName": HUB_NAME, "HubContentType": "Model", "HubContentName": HUB_CONTENT} | change
    with pytest.raises(NotFoundError):
        aws.call("sagemaker", "describe_hub_content", **wanted)


def products(aws: Aws, *filters: tuple[str, str, str]) -> list[dict[str, Any]]:
    rules = [{"Type": kind, "Field": field, "Value": value} for field, kind, value in filters]
    answer = aws.call("pricing", "get_products", ServiceCode="AmazonSageMaker", Filters=rules)
    return [json.loads(item) for item in answer["PriceList"]]


P5 = ("instanceName", "TERM_MATCH", "ml.p5.48xlarge")
EAST = ("regionCode", "TERM_MATCH", "us-east-1")


def test_the_price_of_an_instance_is_found_by_filters(aws: Aws) -> None:
    (product,) = products(
        aws, P5, EAST, ("platoinstancetype", "TERM_MATCH", "Training"), ("productFamily", "TERM_MATCH", "ML Instance")
    )
    (term,) = product["terms"]["OnDemand"].values()
    (dimension,) = term["priceDimensions"].values()
    assert Decimal(dimension["pricePerUnit"]["USD"]) == Decimal("63.296")
    assert dimension["unit"] == "Hrs"


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ([P5, EAST], 2),
        ([P5, EAST, ("platoinstancetype", "NONE_OF", "Training,Hosting")], 0),
        ([P5, EAST, ("platoinstancetype", "ANY_OF", "Training,Hosting")], 2),
        ([("instanceName", "CONTAINS", "p5.48"), EAST], 2),
        ([("regionCode", "TERM_MATCH", "mars-1")], 0),
        ([("noSuchField", "TERM_MATCH", "x")], 0),
    ],
)
def test_every_filter_counts(aws: Aws, filters: list[tuple[str, str, str]], count: int) -> None:
    assert len(products(aws, *filters)) == count


def test_quotas_are_found_by_name_and_by_code(aws: Aws) -> None:
    by_name = {
        row["QuotaName"]: row
        for row in aws.pages("service-quotas", "list_service_quotas", "Quotas", ServiceCode="sagemaker")
    }
    training = by_name["ml.p5.48xlarge for training job usage"]
    assert (training["Value"], training["QuotaCode"]) == (8.0, "L-82E1C851")
    assert by_name["ml.p4de.24xlarge for training job usage"]["Value"] == 0
    for row in (training, by_name["ml.g6.48xlarge for endpoint usage"]):
        read = aws.call("service-quotas", "get_service_quota", ServiceCode="sagemaker", QuotaCode=row["QuotaCode"])
        assert read["Quota"] == row
    assert len({row["QuotaCode"] for row in by_name.values()}) == len(by_name)


def test_an_unknown_quota_is_not_found(aws: Aws) -> None:
    with pytest.raises(AwsError) as refused:
        aws.call("service-quotas", "get_service_quota", ServiceCode="sagemaker", QuotaCode="L-00000000")
    assert refused.value.code == "NoSuchResourceException"


def test_what_is_not_played_says_so_without_a_retry(aws: Aws) -> None:
    with pytest.raises(AwsError) as refused:
        aws.call("sagemaker", "list_spaces")
    assert refused.value.code in {"UnknownOperationException", "501"}
    assert "does not play sagemaker:ListSpaces" in refused.value.message


def test_other_regions_are_closed(sandbox: RunningSandbox) -> None:
    other = Aws(region="eu-west-1", endpoint=lambda: sandbox.url, credentials=("sandbox", "sandbox"))
    with pytest.raises(AwsError, match="enabled in us-east-1 only"):
        other.call("sagemaker", "list_training_jobs")


def get(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_web_pages_and_rebound_names_are_refused(sandbox: RunningSandbox) -> None:
    health = f"{sandbox.url}/_novaforge/health"
    assert get(health) == 200
    assert get(health, Origin="https://example.com") == 403
    assert get(health, Host="rebound.example.com") == 403
    assert get(f"{sandbox.url}/") == 403


def test_a_control_request_with_unknown_keys_changes_nothing(sandbox: RunningSandbox) -> None:
    url = f"{sandbox.url}/_novaforge/settings"
    request = urllib.request.Request(url, data=b'{"wating_s": 5}', method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    with refused.value as error:
        assert error.code == 400 and b"wating_s" in error.read()


def test_only_one_sandbox_is_served_in_a_process(sandbox: RunningSandbox, tmp_path: Any) -> None:
    with pytest.raises(RuntimeError, match="already"), serve(tmp_path, SandboxSettings()):
        pass
