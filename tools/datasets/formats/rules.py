"""The rules of training and evaluation files: what each forbids, how badly, how to correct it, where it comes from."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
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
JUDGE_FILE = "llm_judge.jsonl"


class Rule(NamedTuple):
    """One rule; `message` completes a sentence about a row or the file, `source` holds keys of guards.rules.sources.SOURCES."""

    severity: "Severity"
    message: str
    fix: str
    source: str
    note: str = ""
    """Where sources disagree, and what was chosen."""


_CONVERSE_FIX = "write the row as transform_dataset(method=SFT_LORA) does"
_RFT_FIX = "write the row as transform_dataset(method=RFT_LORA) does"

RULES: dict[str, Rule] = {
    "DA1-row": Rule("block", "the line cannot be read as one JSON object", "correct or remove the line", "D3"),
    "DA1-name": Rule("block", "the file's name does not end in .jsonl", "rename it", "D3"),
    "DA1-form": Rule("block", "the training reads one file of plain UTF-8", "run transform_dataset: what it writes is one such file", "D3"),
    "DA1-gen-qa-name": Rule("block", f"the evaluation reads a file named {GEN_QA_FILE}", f"name it {GEN_QA_FILE}", "EVAL"),
    "DA1-empty": Rule("block", "the file has no rows", "give a file with rows", "K"),
    "DA1-shape": Rule("block", "the file is in another format than the method reads", "run transform_dataset for the method", "K"),
    "DA1-key": Rule("block", "the object has a key that this format does not have", "remove the key", "K,D3", "AWS's SDK refuses it in rows and messages and ignores it inside content items, its conversion schema refuses it everywhere"),
    "DA2": Rule("block", "the text holds a reserved word of the chat template", "reword it, or transform with filters={\"invalid_rows\": true}", "K,D3,D12", "AWS's SDK looks anywhere in a text but not on serverless and not in DPO rows, an older page names only texts that begin with one; the template is the same everywhere, so all SFT and DPO rows are checked; for RFT, CPT and evaluation no source names the rule"),
    "DA3-version": Rule("block", f'schemaVersion is not "{SCHEMA_VERSION}"', _CONVERSE_FIX, "K,D12", "AWS's SDK wants exactly this, a page for Nova 1 allows any text"),
    "DA3-system": Rule("block", "system is not a list of {\"text\": ...} with text", _CONVERSE_FIX, "K"),
    "DA3-systems": Rule("warn", "system has more than one item", "join them to one text", "K", "AWS's schema for conversion allows one, its validator several"),
    "DA3-messages": Rule("block", "messages is not a list of at least two objects", _CONVERSE_FIX, "K,D3"),
    "DA3-role": Rule("block", "the role is not exactly \"user\" or \"assistant\"", "write the role in lower case", "D3", "AWS's validator lets capitals such as User pass, the trainer does not"),
    "DA3-turns": Rule("block", "turns do not alternate from user to assistant", "begin with user, end with assistant, alternate", "D3"),
    "DA3-content": Rule("block", "content is not a non-empty list of known content items", _CONVERSE_FIX, "K,D3"),
    "DA3-text": Rule("block", "the text is missing, blank or not a string", "give text or remove the row", "K"),
    "DA4-place": Rule("block", "toolUse belongs to assistant turns, toolResult to user turns", "move it to the right turn", "D3,K"),
    "DA4-use": Rule("block", "toolUse lacks toolUseId, name or an input object", "complete it", "K"),
    "DA4-result": Rule("block", "toolResult lacks toolUseId or content items with either text or json", "complete it", "K", "AWS's conversion schema knows text only, its validator both, so both are taken"),
    "DA4-config": Rule("block", "toolConfig.tools is not a list of toolSpec with name, description and inputSchema.json of some type", "complete the tool specification", "K", "the description is optional in AWS's conversion schema and mandatory in its validator, so it has to be there"),
    "DA4-type": Rule("warn", "inputSchema.json of a tool has another type than object", "write \"type\": \"object\" and the arguments as its properties", "K", "AWS's conversion schema wants object, its validator takes any type, so it is not refused"),
    "DA4-name": Rule("block", "a tool name is used twice or is not in toolConfig", "use the names of toolConfig", "K"),
    "DA4-id": Rule("block", "a toolUseId is used twice, or a toolResult answers none or answers twice", "give each use one id and at most one result", "D3,K"),
    "DA4-no-config": Rule("warn", "the row uses tools but has no toolConfig", "add toolConfig with their specifications", "K", "AWS's validator then checks nothing about tools; ids are checked here all the same"),
    "DA5-place": Rule("block", "images, videos and documents belong to user turns", "move it to a user turn", "K"),
    "DA8-format": Rule("block", f"the format is none of image {', '.join(IMAGE_FORMATS)}; video {', '.join(VIDEO_FORMATS)}; document pdf", "write jpeg for jpg; convert other files and name their format", "K", "AWS's conversion schema takes jpg and avi too and not mkv, webm and pdf, its validator is followed here because it comes last"),
    "DA8-source": Rule("block", "the media source is not s3Location with a plain s3:// uri and bucketOwner", "give uri (letters, digits, _ - / .) and bucketOwner", "K", "one schema of AWS wants localPath, which the platform fills in itself"),
    "DA8-count": Rule("block", f"a message has more than {IMAGES_PER_MESSAGE} images or {VIDEOS_PER_MESSAGE} video", "split the message", "K,D3", "AWS's SDK counts them everywhere but on serverless; the model is the same there"),
    "DA8-kinds": Rule("block", "a message mixes kinds of media", "keep one kind per message", "K,D3"),
    "DA8-set": Rule("block", "the file mixes kinds of media", "keep one kind of media per file", "K,D3,D12", "AWS's SDK looks at single messages only, its data page wants one kind in a file"),
    "DA8-files": Rule("not_checked", "size, dimensions, duration and content of the media files were not read", "check: images up to 10 MB and at least 25 px, videos up to 50 MB and 90 s", "K"),
    "DA9": Rule("block", "media lie in another bucket than the data", "copy them to the data's bucket", "D3"),
    "RE4": Rule("block", "reasoningContent stands outside an assistant turn, lacks text, or shares a message with media", "keep reasoning in text-only assistant turns", "K,D3"),
    "RE3": Rule("warn", "only some rows hold reasoning", "give all rows reasoning, or none", "D3"),
    "DA6": Rule("warn", "fewer than 200 rows", "add rows", "D3", "1,000 to 10,000 good rows are typical, and Bedrock wants 200 for Nova 2 Lite"),
    "DA6-typical": Rule("info", "fewer than 1,000 rows; 1,000 to 10,000 good rows are typical for SFT", "", "D3", "AWS's data page asks for at least 200 for each task"),
    "DA7-few": Rule("confirm", "fewer than 100 rows; AWS asks for at least 100 for RFT", "add rows", "D6,D5", "AWS names the number without saying that the service refuses fewer; Bedrock does"),
    "DA7-many": Rule("info", "more than 200 rows; AWS advises to start a first RFT run with 100 to 200", "", "D6,D5"),
    "DA10-optional": Rule("warn", "an optional field is in some rows only", "check that this is meant", "K", "AWS's SDK refuses that where it checks at all (not for DPO), the service is not known to"),
    "DA11-duplicates": Rule("warn", "more than 1 % of the rows are exact duplicates", "transform with filters={\"exact_duplicates\": true}", "ours"),
    "DA11-some-duplicates": Rule("info", "some rows are exact duplicates", "transform with filters={\"exact_duplicates\": true}", "ours"),
    "DA11-overlap": Rule("block", "the same query is in a file this one must not share rows with", "split once with transform_dataset, or remove the rows", "ours"),
    "BS2": Rule("block", "fewer rows than the smallest global batch size of the recipe", "add rows", "K,R,T", "AWS's SDK compares them for Nova 2 Lite on training jobs and HyperPod only"),
    "DA3-rft-messages": Rule("block", "messages is not a list of at least one object", _RFT_FIX, "K"),
    "DA3-rft-role": Rule("block", "the role is none of system, user, assistant, tool, bot, developer (developer counts as system)", "use one of them", "K"),
    "DA3-rft-content": Rule("block", "content is neither text nor a list of {\"type\": \"text\", \"text\": ...}", _RFT_FIX, "K,D6", "AWS's SDK takes any list that is not empty, AWS's pages name text as input and nothing else"),
    "DA3-rft-silent": Rule("warn", "an assistant's message has tool_calls and no content", "give it content, or check that the training takes it", "K", "AWS's SDK wants content in every message of RFT rows, OpenAI's own form leaves it out beside tool_calls, so such rows are taken"),
    "DA3-rft-system": Rule("block", "a system message stands elsewhere than first", "put it first", "K"),
    "DA3-rft-user": Rule("block", "there is no user message", "add the prompt as a user message", "K"),
    "DA3-rft-last": Rule("warn", "the prompt ends with an assistant turn, so the model would answer itself", "end with the user's message", "ours"),
    "DA3-rft-id": Rule("block", "id is not text", "give each row an id", "K"),
    "DA3-rft-ids": Rule("warn", "an id is used for more than one row", "give each row its own id", "ours"),
    "DA3-rft-answer": Rule("block", "reference_answer is empty, or neither text nor an object", "give text or an object", "K", "AWS's conversion schema wants an object, its validator takes both"),
    "DA4-rft-tools": Rule("block", "tools is not a list of {\"type\": \"function\", \"function\": {name, description, parameters}} with unique names", "complete the tool specification", "K"),
    "DA4-rft-calls": Rule("warn", "tool_calls is not a list of {id, type \"function\", function {name, arguments}}, a tool message answers no earlier call or an answered one, or a call's id is used twice", "complete the calls, give each one id and one answer", "ours"),
    "DA3-gen-qa-text": Rule("block", "query or response is missing, blank or not text", "give text or remove the row", "K"),
    "DA3-gen-qa-optional": Rule("block", "system or metadata is present but not text", "give text or leave the key out", "K", "AWS's own reader breaks off at a metadata that is null"),
    "DA3-gen-qa-images": Rule("block", "images is not a list of {\"data\": \"data:image/...;base64,...\"}", "give data URIs", "K"),
    "DA3-gen-qa-extra": Rule("warn", "the row has keys the evaluation ignores", "remove them, or put the row id in metadata", "K"),
    "DQ1-noise": Rule("warn", "the same query has different answers, though the answers are labels", "decide for one label, or remove the rows", "ours"),
    "DQ1-answers": Rule("info", "the same query has different answers", "", "ours"),
    "DA11-near-duplicates": Rule("warn", "more than 1 % of the rows have a query that is nearly the same as another one", "transform with filters={\"near_duplicates\": true}", "ours"),
    "DA11-some-near-duplicates": Rule("info", "some rows have a query that is nearly the same as another one", "transform with filters={\"near_duplicates\": true}", "ours"),
    "DA11-near-overlap": Rule("block", "nearly the same query is in a file this one must not share rows with", "remove the rows, or split once with transform_dataset and filters={\"near_duplicates\": true}", "ours"),
    "DA11-short": Rule("not_checked", "near duplicates were looked for in part of the rows only: the other queries have under 48 characters beyond what all share, and were compared as a whole, case and punctuation aside", "", "ours"),
    "DQ2-shortcut": Rule("warn", "a trait of the format tells the label almost alone, so a model can learn it instead of the task", "remove it from all queries or balance it over the labels, and check that it exists where the model will be used", "ours"),
    "DQ3-balance": Rule("warn", "the labels are very unequal in size", "add rows of the small labels, or judge by macro F1 rather than accuracy", "ours"),
    "DQ3-rare": Rule("warn", "some labels have too few rows to be learnt or judged", "add rows, or merge or remove these labels", "ours"),
    "DQ3-one-file": Rule("warn", "some labels are in one of the files only", "split again with stratify_by", "ours"),
    "DQ4-secret": Rule("confirm", "texts hold what looks like keys, tokens or passwords", "revoke them, then remove them: a model can repeat what it was trained on", "ours"),
    "DQ4-secret-maybe": Rule("warn", "texts hold what may be keys, tokens or passwords", "look at these lines; revoke and remove what is real", "ours"),
    "DQ4-personal": Rule("warn", "texts hold what looks like personal data", "remove or mask it where it is not meant: a model can repeat what it was trained on", "ours"),
    "DQ5-languages": Rule("info", "languages of the queries", "", "ours"),
    "DQ5-other-languages": Rule("warn", "queries are in other languages than the wanted ones", "transform with filters={\"languages\": [...]}", "ours"),
    "SL1": Rule("confirm", "max_length is above 32,768, the longest that AWS's guide supports for SFT", "\"max_length\": 32768 or less", "D1", "recipe files list 65,536 too"),
    "SL1-cpt": Rule("block", "max_length is above 8,192, the longest for CPT", "\"max_length\": 8192 or less", "R"),
    "SL2": Rule("warn", "max_length is more than twice what the rows need", "lower max_length", "D1"),
    "SL3": Rule("confirm", "more than 1 % of the rows are longer than max_length", "raise max_length or shorten the rows", "D1"),
    "SL3-few": Rule("info", "some rows are longer than max_length", "raise max_length or shorten the rows", "D1"),
    "SL-lengths": Rule("info", "length of the rows in tokens, estimated", "", "ours"),
    "DA4-model": Rule("block", "the model is not trained on tools; Nova 2 is", "remove the tools, or choose nova_lite_2", "K"),
    "DA5-model": Rule("block", "the model does not read this kind of media: Nova Micro reads text only", "remove it, or choose another model", "K", "documents are for Nova 2 Lite alone, though one of the SDK's checks lets them pass for Lite and Pro; on serverless the SDK checks none of it"),
    "RE4-model": Rule("block", "the model is not trained on reasoning; Nova 2 is", "remove the reasoning, or choose nova_lite_2", "K,D3", "AWS's SDK refuses it everywhere but on serverless; the model is the same there"),
    "DA8-dpo-video": Rule("block", "the turn holds a video, and DPO reads text and images only", "use images, or remove the row", "D13,K", "AWS's page lists text and images as inputs, and says elsewhere that the limits of SFT hold"),
    "DA3-dpo-last": Rule("block", "the last turn is not the assistant's with candidates", "end with an assistant turn {\"role\", \"candidates\"}", "K"),
    "DA3-dpo-place": Rule("block", "candidates stand in a turn before the last", "keep one answer in earlier turns", "K"),
    "DA3-dpo-candidates": Rule("block", "candidates is not a list of at least two objects", "give a preferred and a non-preferred answer", "K"),
    "DA3-dpo-labels": Rule("block", "there is not exactly one preferred and at least one non-preferred candidate", "label them so", "ours"),
    "DA3-dpo-label": Rule("block", "preferenceLabel is neither \"preferred\" nor \"non-preferred\"", "use one of the two", "K"),
    "DA3-dpo-content": Rule("block", "a candidate's content is not a list of {\"text\": ...} with text", "give text", "K"),
    "DA3-dpo-equal": Rule("block", "two candidates have the same text, so there is nothing to prefer", "remove the row", "ours"),
    "DA6-pairs": Rule("warn", "fewer than 1,000 pairs; AWS recommends about 1,000 for DPO", "add pairs", "K"),
    "DA10-key": Rule("block", "a CPT row has another key than text", "keep text alone", "P1,K"),
    "DA10-text": Rule("block", "text is missing, blank or not a string", "give text or remove the row", "K"),
    "DA3-rft-bedrock": Rule("warn", "the row has no reference_answer, or roles other than user, system and assistant", "give a reference_answer, and turns of these roles", "D14,K", "the page for Bedrock names only these, AWS's SDK takes the rows of SageMaker there too"),
    "DA3-rft-eval": Rule("warn", "the row has more than one user message", "keep one user message", "EVAL", "AWS's page for rft_eval wants one, its SDK takes the rows of training"),
    "DA3-mt-id": Rule("block", "id is missing, blank or not text", "give each row an id", "K"),
    "DA3-mt-flat": Rule("block", "prompt, answer, task and info stand beside id instead of in metadata, as on serverless", "write the rows as transform_dataset(platform=hyperpod) does", "K"),
    "DA3-mt-nested": Rule("block", "the prompt stands in metadata, as on HyperPod; serverless reads flat rows", "write the rows as transform_dataset(platform=serverless) does", "K"),
    "DA3-mt-metadata": Rule("block", "metadata is missing or no object", "put prompt, answer, task and info in metadata", "K"),
    "DA3-mt-key": Rule("block", "metadata has another key than prompt, answer, task and info", "put it in info", "K"),
    "DA3-mt-extra": Rule("warn", "the row has other keys than id and metadata, which the environment does not get", "put them in metadata.info", "K"),
    "DA3-mt-prompt": Rule("block", "the prompt is missing, blank, or neither text nor a list of messages", "give text or messages", "K"),
    "DA3-mt-list": Rule("block", "the prompt is a list of messages; serverless reads a text", "give the prompt as text", "K"),
    "DA3-mt-role": Rule("block", "the role is none of system, user, assistant, tool", "use one of them, in lower case", "K"),
    "DA3-mt-content": Rule("block", "the message has no content", "give text", "K"),
    "DA3-mt-calls": Rule("block", "tool_calls is not a non-empty list of {id, type \"function\", function {name, arguments}}", "complete the calls", "K"),
    "DA3-mt-tool": Rule("block", "a tool message has no tool_call_id", "name the call it answers", "K"),
    "DA4-mt-id": Rule("warn", "a tool message answers no earlier call or one that has its answer, or a call's id is used twice", "give each call one id and one answer", "ours"),
    "DA3-mt-text": Rule("block", "answer or task is not text", "give text or leave it out", "K"),
    "DA3-mt-info": Rule("block", "info is neither an object nor a text that holds a JSON object", "give an object", "K"),
    "DA3-judge-text": Rule("block", "prompt, response_A or response_B is missing or not text, or the prompt is blank", "give text or remove the row", "EVAL"),
    "DA3-judge-empty": Rule("warn", "response_A or response_B is blank, so there is little to judge", "check that the model answered nothing", "ours"),
    "DA3-judge-extra": Rule("warn", "the row has keys the judge ignores (images belong to the task mm_llm_judge)", "remove them", "EVAL"),
    "DA3-record-length": Rule("warn", "the record is over 12,000 tokens, estimated as UTF-8 bytes / 4, within about 30 %", "shorten it", "EVAL", "AWS's page says 12,000 tokens a record, an older text 7,000 for system and query"),
    "DA1-judge-name": Rule("block", f"the judge reads a file named {JUDGE_FILE}", f"name it {JUDGE_FILE}", "EVAL"),
    "DA1-file-name": Rule("block", "the file's name has characters other than letters, digits, underscore, hyphen, slash and dot", "rename it", "D12"),
    "DA5-few": Rule("block", "fewer rows than a Bedrock customization takes", "add rows, or train on SageMaker", "K"),
    "DA5-many": Rule("block", "more rows than a Bedrock customization takes", "leave rows out, or train on SageMaker", "K"),
    "BS4": Rule("warn", "fewer prompts than the smallest global batch size", "add prompts", "arithmetic"),
}  # fmt: skip
"""Rule id to rule; ids follow the families of data rules used in plans (DA, RE, BS)."""
