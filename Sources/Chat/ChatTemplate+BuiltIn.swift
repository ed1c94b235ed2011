extension ChatTemplate {
    /// The template of a model family, for a file that carries none in `tokenizer.chat_template`.
    ///
    /// `architecture` is the file's `general.architecture`. nil where the family has no one format.
    public static func builtInSource(architecture: String) -> String? {
        switch architecture {
        case "gemma", "gemma2", "gemma3": gemma
        default: nil
        }
    }

    /// The turns of Gemma 1 to 3 (ai.google.dev/gemma/docs/core/prompt-structure): there is no system turn,
    /// its text goes in front of the first user turn, and the assistant is called "model".
    private static let gemma = #"""
        {{ bos_token }}
        {%- set turns = messages %}
        {%- set preface = "" %}
        {%- if messages and messages[0].role in ["system", "developer"] %}
            {%- set preface = messages[0].content | trim ~ "\n\n" %}
            {%- set turns = messages[1:] %}
        {%- endif %}
        {%- for turn in turns %}
            {%- if turn.role not in ["user", "assistant"] or (turn.role == "user") != (loop.index is odd) %}
                {{- raise_exception("the roles must alternate: user, assistant, user, ...") }}
            {%- endif %}
            {{- "<start_of_turn>" ~ ("user" if turn.role == "user" else "model") ~ "\n" }}
            {{- preface if loop.first }}
            {{- turn.content | trim }}
            {{- "<end_of_turn>\n" }}
        {%- endfor %}
        {%- if add_generation_prompt %}
            {{- "<start_of_turn>model\n" }}
        {%- endif %}
        """#
}
