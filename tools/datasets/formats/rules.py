"""The rules of training and evaluation files: what each forbids, how badly, how to correct it, where it comes from."""

from typing import NamedTuple

from novaforge.guards.findings import Severity

RESERVED_WORDS = (
    "System:", "SYSTEM:", "User:", "USER:", "Bot:", "BOT:", "Assistant:", "ASSISTANT:", "Thought:",
    "[EOS]", "<image>", "<video>", "<unk>",
)  # fmt: skip
"""Words of the model's own chat template; a training job fails on rows that hold them (sources K, D3)."""

IMAGE_FORMATS = ("gif", "jpeg", "png", "webp")
VIDEO_FORMATS = ("mov", "mkv", "mp4", "webm")
DOCUMENT_FORMATS = ("pdf",)
IMAGES_PER_MESSAGE = 10
VIDEOS_PER_MESSAGE = 1
SCHEMA_VERSION = "bedrock-conversation-2024"
GEN_QA_FILE = "gen_qa.jsonl"


class Rule(NamedTuple):
    """One rule; `message` completes a sentence about a row or the file, `source` holds keys of guards.rules.sources.SOURCES."""

    severity: Severity
    message: str
    fix: str
    source: str


_CONVERSE_FIX = "write the row as transform_dataset(method=SFT_LORA) does"
_RFT_FIX = "write the row as transform_dataset(method=RFT_LORA) does"

RULES: dict[str, Rule] = {
    "DA1-row": Rule("block", "the line cannot be read as one JSON object", "correct or remove the line", "D3"),
    "DA1-name": Rule("block", "the file's name does not end in .jsonl", "rename it", "D3"),
    "DA1-gen-qa-name": Rule("block", f"the evaluation reads a file named {GEN_QA_FILE}", f"name it {GEN_QA_FILE}", "EVAL"),
    "DA1-empty": Rule("block", "the file has no rows", "give a file with rows", "K"),
    "DA1-shape": Rule("block", "the file is in another format than the method reads", "run transform_dataset for the method", "K"),
    "DA1-key": Rule("block", "the object has a key that this format does not have", "remove the key", "K,D3"),
    "DA2": Rule("block", "the text holds a reserved word of the chat template", "reword it, or transform with filters={\"invalid_rows\": true}", "K,D3"),
    "DA3-version": Rule("block", f'schemaVersion is not "{SCHEMA_VERSION}"', _CONVERSE_FIX, "K"),
    "DA3-system": Rule("block", "system is not a list of {\"text\": ...} with text", _CONVERSE_FIX, "K"),
    "DA3-systems": Rule("warn", "system has more than one item; AWS's own schema for conversion allows one", "join them to one text", "K"),
    "DA3-messages": Rule("block", "messages is not a list of at least two objects", _CONVERSE_FIX, "K,D3"),
    "DA3-role": Rule("block", "the role is not exactly \"user\" or \"assistant\"", "write the role in lower case", "D3"),
    "DA3-turns": Rule("block", "turns do not alternate from user to assistant", "begin with user, end with assistant, alternate", "D3"),
    "DA3-content": Rule("block", "content is not a non-empty list of known content items", _CONVERSE_FIX, "K,D3"),
    "DA3-text": Rule("block", "the text is missing, blank or not a string", "give text or remove the row", "K"),
    "DA4-place": Rule("block", "toolUse belongs to assistant turns, toolResult to user turns", "move it to the right turn", "D3,K"),
    "DA4-use": Rule("block", "toolUse lacks toolUseId, name or an input object", "complete it", "K"),
    "DA4-result": Rule("block", "toolResult lacks toolUseId or content items with either text or json", "complete it", "K"),
    "DA4-config": Rule("block", "toolConfig.tools is not a list of toolSpec with name, description and inputSchema.json of some type", "complete the tool specification", "K"),
    "DA4-name": Rule("block", "a tool name is used twice or is not in toolConfig", "use the names of toolConfig", "K"),
    "DA4-id": Rule("block", "a toolUseId is used twice, or a toolResult answers none or answers twice", "give each use one id and at most one result", "D3,K"),
    "DA4-no-config": Rule("warn", "the row uses tools but has no toolConfig", "add toolConfig with their specifications", "K"),
    "DA5-place": Rule("block", "images, videos and documents belong to user turns", "move it to a user turn", "K"),
    "DA8-format": Rule("block", f"the format is none of image {', '.join(IMAGE_FORMATS)}; video {', '.join(VIDEO_FORMATS)}; document pdf", "convert the file and name its format", "K"),
    "DA8-source": Rule("block", "the media source is not s3Location with a plain s3:// uri and bucketOwner", "give uri (letters, digits, _ - / .) and bucketOwner", "K"),
    "DA8-count": Rule("block", f"a message has more than {IMAGES_PER_MESSAGE} images or {VIDEOS_PER_MESSAGE} video", "split the message", "K,D3"),
    "DA8-kinds": Rule("block", "a message mixes kinds of media", "keep one kind per message", "K,D3"),
    "DA8-set": Rule("block", "the file mixes kinds of media", "keep one kind of media per file", "K,D3"),
    "DA8-files": Rule("not_checked", "size, dimensions, duration and content of the media files were not read", "check: images up to 10 MB and at least 25 px, videos up to 50 MB and 90 s", "K"),
    "DA9": Rule("block", "media lie in another bucket than the data", "copy them to the data's bucket", "D3"),
    "RE4": Rule("block", "reasoningContent stands outside an assistant turn, lacks text, or shares a message with media", "keep reasoning in text-only assistant turns", "K,D3"),
    "RE3": Rule("warn", "only some rows hold reasoning", "give all rows reasoning, or none", "D3"),
    "DA6": Rule("warn", "fewer than 200 rows; 1,000 to 10,000 good rows are typical", "add rows", "D3"),
    "DA7-few": Rule("confirm", "fewer than 100 rows; AWS asks for at least 100 for RFT", "add rows", "D6,D5"),
    "DA7-many": Rule("info", "more than 200 rows; AWS advises to start a first RFT run with 100 to 200", "", "D6,D5"),
    "DA10-optional": Rule("warn", "an optional field is in some rows only; AWS's SDK refuses that, the service is not known to", "check that this is meant", "K"),
    "DA11-duplicates": Rule("warn", "more than 1 % of the rows are exact duplicates", "transform with filters={\"exact_duplicates\": true}", "ours"),
    "DA11-some-duplicates": Rule("info", "some rows are exact duplicates", "transform with filters={\"exact_duplicates\": true}", "ours"),
    "DA11-overlap": Rule("block", "the same query is in a file this one must not share rows with", "split once with transform_dataset, or remove the rows", "ours"),
    "BS2": Rule("block", "fewer rows than the smallest global batch size, 32", "add rows", "K,R"),
    "DA3-rft-messages": Rule("block", "messages is not a list of at least one object", _RFT_FIX, "K"),
    "DA3-rft-role": Rule("block", "the role is none of system, user, assistant, tool, bot, developer", "use one of them", "K"),
    "DA3-rft-content": Rule("block", "content is neither text nor a list of {\"type\": \"text\", \"text\": ...}", _RFT_FIX, "K,D6"),
    "DA3-rft-system": Rule("block", "a system message stands elsewhere than first", "put it first", "K"),
    "DA3-rft-user": Rule("block", "there is no user message", "add the prompt as a user message", "K"),
    "DA3-rft-last": Rule("warn", "the prompt ends with an assistant turn, so the model would answer itself", "end with the user's message", "ours"),
    "DA3-rft-id": Rule("block", "id is not text", "give each row an id", "K"),
    "DA3-rft-ids": Rule("warn", "an id is used for more than one row", "give each row its own id", "ours"),
    "DA3-rft-answer": Rule("block", "reference_answer is empty, or neither text nor an object", "give text or an object", "K"),
    "DA4-rft-tools": Rule("block", "tools is not a list of {\"type\": \"function\", \"function\": {name, description, parameters}} with unique names", "complete the tool specification", "K"),
    "DA3-gen-qa-text": Rule("block", "query or response is missing, blank or not text", "give text or remove the row", "K"),
    "DA3-gen-qa-optional": Rule("block", "system or metadata is present but not text", "give text or leave the key out", "K"),
    "DA3-gen-qa-images": Rule("block", "images is not a list of {\"data\": \"data:image/...;base64,...\"}", "give data URIs", "K"),
    "DA3-gen-qa-extra": Rule("warn", "the row has keys the evaluation ignores", "remove them, or put the row id in metadata", "K"),
    "DQ1-noise": Rule("warn", "the same query has different answers, though the answers are labels", "decide for one label, or remove the rows", "ours"),
    "DQ1-answers": Rule("info", "the same query has different answers", "", "ours"),
    "DA11-near-duplicates": Rule("warn", "more than 1 % of the rows have a query that is nearly the same as another one", "transform with filters={\"near_duplicates\": true}", "ours"),
    "DA11-some-near-duplicates": Rule("info", "some rows have a query that is nearly the same as another one", "transform with filters={\"near_duplicates\": true}", "ours"),
    "DA11-near-overlap": Rule("block", "nearly the same query is in a file this one must not share rows with", "remove the rows, or split once with transform_dataset and filters={\"near_duplicates\": true}", "ours"),
    "DQ2-shortcut": Rule("warn", "a trait of the format tells the label almost alone, so a model can learn it instead of the task", "remove it from all queries or balance it over the labels, and check that it exists where the model will be used", "ours"),
    "DQ3-balance": Rule("warn", "the labels are very unequal in size", "add rows of the small labels, or judge by macro F1 rather than accuracy", "ours"),
    "DQ3-rare": Rule("warn", "some labels have too few rows to be learnt or judged", "add rows, or merge or remove these labels", "ours"),
    "DQ3-one-file": Rule("warn", "some labels are in one of the files only", "split again with stratify_by", "ours"),
    "DQ4-secret": Rule("confirm", "texts hold what looks like keys, tokens or passwords", "revoke them, then remove them: a model can repeat what it was trained on", "ours"),
    "DQ4-personal": Rule("warn", "texts hold what looks like personal data", "remove or mask it where it is not meant: a model can repeat what it was trained on", "ours"),
    "DQ5-languages": Rule("info", "languages of the queries", "", "ours"),
    "DQ5-other-languages": Rule("warn", "queries are in other languages than the wanted ones", "transform with filters={\"languages\": [...]}", "ours"),
    "SL2": Rule("warn", "max_length is more than twice what the rows need", "lower max_length", "D1"),
    "SL3": Rule("confirm", "more than 1 % of the rows are longer than max_length", "raise max_length or shorten the rows", "D1"),
    "SL-judge": Rule("warn", "records of the judge are longer than 12,000 tokens", "shorten the responses or leave the rows out", "K"),
    "SL-lengths": Rule("info", "length of the rows in tokens, estimated", "", "ours"),
}  # fmt: skip
"""Rule id to rule; ids follow the families of data rules used in plans (DA, RE, BS)."""
