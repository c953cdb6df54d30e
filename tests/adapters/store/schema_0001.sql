CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE candles (
	symbol TEXT NOT NULL, 
	tf TEXT NOT NULL, 
	open_ms BIGINT NOT NULL, 
	open DOUBLE NOT NULL, 
	high DOUBLE NOT NULL, 
	low DOUBLE NOT NULL, 
	close DOUBLE NOT NULL, 
	volume DOUBLE NOT NULL, 
	CONSTRAINT pk_candles PRIMARY KEY (symbol, tf, open_ms)
)
 WITHOUT ROWID

;
INSERT INTO "candles" VALUES('BTCUSDT','15m',1764547200000,91234.5,91300.0,91200.25,91250.0,12.5);
CREATE TABLE engine (
	tf TEXT NOT NULL, 
	first_bar_ms BIGINT NOT NULL, 
	CONSTRAINT pk_engine PRIMARY KEY (tf)
);
INSERT INTO "engine" VALUES('15m',1764547200000);
CREATE TABLE gaps (
	symbol TEXT NOT NULL, 
	tf TEXT NOT NULL, 
	open_ms BIGINT NOT NULL, 
	CONSTRAINT pk_gaps PRIMARY KEY (symbol, tf, open_ms)
)
 WITHOUT ROWID

;
INSERT INTO "gaps" VALUES('BTCUSDT','15m',1764548100000);
CREATE TABLE outcomes (
	prediction_id TEXT NOT NULL, 
	settled_ms BIGINT NOT NULL, 
	status TEXT NOT NULL, 
	exit_price DOUBLE NOT NULL, 
	return_bps DOUBLE NOT NULL, 
	mfe_bps DOUBLE NOT NULL, 
	mae_bps DOUBLE NOT NULL, 
	label TEXT, 
	correct BOOLEAN, 
	CONSTRAINT pk_outcomes PRIMARY KEY (prediction_id), 
	CONSTRAINT fk_outcomes_prediction_id FOREIGN KEY(prediction_id) REFERENCES predictions (id)
)
 WITHOUT ROWID

;
INSERT INTO "outcomes" VALUES('BTCUSDT:15m:1764547200000',1764551700000,'TP1',91500.0,27.397,30.5,-4.25,'LONG',1);
CREATE TABLE predictions (
	id TEXT NOT NULL, 
	symbol TEXT NOT NULL, 
	tf TEXT NOT NULL, 
	candle_open_ms BIGINT NOT NULL, 
	created_ms BIGINT NOT NULL, 
	late BOOLEAN NOT NULL, 
	pred TEXT NOT NULL, 
	confidence DOUBLE NOT NULL, 
	p_short DOUBLE NOT NULL, 
	p_no_trade DOUBLE NOT NULL, 
	p_long DOUBLE NOT NULL, 
	expected_bps DOUBLE, 
	cost_bps DOUBLE, 
	source TEXT NOT NULL, 
	model_version TEXT, 
	entry DOUBLE NOT NULL, 
	stop_loss DOUBLE, 
	tp1 DOUBLE, 
	tp2 DOUBLE, 
	tp3 DOUBLE, 
	atr DOUBLE, 
	horizon_bars INTEGER NOT NULL, 
	reasons TEXT NOT NULL, 
	declined TEXT NOT NULL, 
	CONSTRAINT pk_predictions PRIMARY KEY (id)
);
INSERT INTO "predictions" VALUES('BTCUSDT:15m:1764547200000','BTCUSDT','15m',1764547200000,1764548102113,0,'LONG',0.37,0.22,0.41,0.37,14.2,10.0,'RSI_MA',NULL,91250.0,91000.0,91500.0,91625.0,91750.0,125.0,24,'["RSI 28.1"]','[["ML_PER_COIN_V1", "no model"]]');
INSERT INTO "predictions" VALUES('ETHUSDT:15m:1764547200000','ETHUSDT','15m',1764547200000,1764548102113,1,'NO_TRADE',0.4,0.3,0.4,0.3,NULL,NULL,'HOLD',NULL,3000.0,NULL,NULL,NULL,NULL,NULL,24,'[]','[]');
CREATE INDEX ix_predictions_tf_symbol_candle_open_ms ON predictions (tf, symbol, candle_open_ms);
CREATE INDEX ix_predictions_tf_candle_open_ms_symbol_source ON predictions (tf, candle_open_ms, symbol, source);
