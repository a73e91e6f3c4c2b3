#!/bin/sh
# Write the folders run-* and version-0.4.2 again; README.md says in which environments.
#   F16=... Q8_0=... OLD_PYTHON=... sh make_runs.sh
# F16, Q8_0: the model files. OLD_PYTHON: a Python that has lm-eval 0.4.2.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
cp "$here"/tasks/* "$work"
cd "$work"
ln -s "$F16" F16.gguf
ln -s "$Q8_0" Q8_0.gguf
export HF_HUB_OFFLINE=1 HF_DATASETS_OFFLINE=1

run() {  # output folder, model file, further arguments
    out=$1
    model=$2
    shift 2
    python -m silentzone.harness run --model silentzone \
        --model_args "path=$model,threads=2,max_length=512" \
        --include_path tasks_here --log_samples --output_path "$out" "$@"
}
ln -s "$work" tasks_here

run out F16.gguf --tasks pick,letters,fill,count,vote,ends,texts
run out Q8_0.gguf --tasks pick,letters,fill,count,vote,ends,texts
run chat Q8_0.gguf --tasks pick --apply_chat_template --limit 6
mkdir exact_match old
# lm-eval 0.4.2 loads this metric from the network as it starts; no task here uses it.
cat > exact_match/exact_match.py <<'END'
import datasets, evaluate

class ExactMatch(evaluate.Metric):
    def _info(self):
        text = datasets.Value("string")
        features = datasets.Features({"predictions": text, "references": text})
        return evaluate.MetricInfo(
            description="", citation="", inputs_description="", features=features
        )
END
"$OLD_PYTHON" -m lm_eval --model dummy --model_args pretrained=dummy --include_path tasks_here \
    --tasks pick,letters --log_samples --output_path old

rm -rf "$here"/run-* "$here/version-0.4.2"
cp -r out/F16.gguf "$here/run-f16"
cp -r out/Q8_0.gguf "$here/run-q8_0"
cp -r chat/Q8_0.gguf "$here/run-chat"
cp -r old "$here/version-0.4.2"
sed -i "s|$work/|tasks/|; s|tasks_here/|tasks/|" "$here"/run-*/results*.json  # no folder of one machine
rm -rf "$work"
