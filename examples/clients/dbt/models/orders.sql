{# Each run reads what came after the checkpoint of the run before, up to a fresh one. The rows carry it, so that rows and position are written
   together. An order that comes twice is one row, by `unique_key`. #}
{{ config(materialized='incremental', unique_key='correlation_key') }}

{% set after, upto = 'NULL', 'NULL' %}
{% if execute %}
    {% set upto = "'" ~ run_query("SELECT nats_checkpoint('ORDERS')").columns[0][0] ~ "'" %}
    {% if is_incremental() %}
        {% set found = run_query("SELECT arg_max(checkpoint, seq) FROM " ~ this).columns[0][0] %}
        {% set after = "'" ~ found ~ "'" if found else 'NULL' %}
    {% endif %}
{% endif %}

SELECT correlation_key, seq, customer, total, {{ upto }} AS checkpoint
FROM nats_ingest('ORDERS', after := {{ after }}, upto := {{ upto }},
    columns := {'order_id': 'VARCHAR', 'customer': 'VARCHAR', 'total': 'DECIMAL(18,2)'}, correlation_key := '{order_id}')
